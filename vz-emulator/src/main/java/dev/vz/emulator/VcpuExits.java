package dev.vz.emulator;

import dev.vz.bus.IoBus;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.emulator.clock.Tsc;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.InterruptUnit;
import dev.vz.emulator.cpu.Surroundings;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * What a processor of a machine finds around it. Accesses to devices go to the interrupt controllers of the back end, to
 * doorbells, and then to whoever runs the processor.
 */
final class VcpuExits implements Surroundings {

    /** What an unknown paravirtual call returns. */
    private static final long ENOSYS = -1000;
    /** Linux, Documentation/virt/kvm/x86/hypercalls.rst, section 6. */
    private static final long SEND_IPI = 10;
    private static final int MOST_IDS = 255;

    private final EmulatedMachine machine;
    private final EmulatedVcpu vcpu;
    private final IoBus ports;
    private final IoBus mmio;
    private final Tsc tsc;
    private final ParavirtualClock clock;
    private final AccessLog log = new AccessLog();
    private final SplittableRandom random = new SplittableRandom(System.nanoTime());
    private @Nullable VcpuExitHandler handler;

    VcpuExits(EmulatedMachine machine, EmulatedVcpu vcpu, Tsc tsc) {
        this.machine = machine;
        this.vcpu = vcpu;
        this.tsc = tsc;
        ports = machine.ports();
        mmio = machine.mmio();
        clock = new ParavirtualClock(machine, tsc);
    }

    /** Who answers from now on; {@code null} for {@link #log}. */
    void answeredBy(@Nullable VcpuExitHandler next) {
        handler = next;
    }

    AccessLog log() {
        return log;
    }

    ParavirtualClock clock() {
        return clock;
    }

    @Override
    public long portRead(int port, int size) {
        if (ports.find(port, size) != null) {
            return ports.read(port, size);
        }
        if (log.replays()) {
            return log.replay();
        }
        VcpuExitHandler to = handler;
        if (to == null) {
            throw log.hand(size, 0, new VcpuExit.PortRead(port, size, 1));
        }
        vcpu.requests().leave();
        long value = 0;
        boolean answered = false;
        try {
            value = to.portRead(port, size) & -1L >>> 64 - 8 * size;
            answered = true;
        } finally {
            finish(answered, value);
        }
        return value;
    }

    @Override
    public void portWrite(int port, int size, long value) {
        if (machine.doorbells().ringPort(port, size, value)
                || ports.find(port, size) != null && ports.write(port, size, value)) {
            return;
        }
        if (log.replays()) {
            log.replay();
            return;
        }
        VcpuExitHandler to = handler;
        if (to == null) {
            throw log.hand(size, value, new VcpuExit.PortWrite(port, size, 1, value));
        }
        vcpu.requests().leave();
        boolean answered = false;
        try {
            to.portWrite(port, size, value);
            answered = true;
        } finally {
            finish(answered, 0);
        }
    }

    @Override
    public long mmioRead(long gpa, int size) {
        if (mmio.find(gpa, size) != null) {
            return mmio.read(gpa, size);
        }
        if (log.replays()) {
            return log.replay();
        }
        VcpuExitHandler to = handler;
        if (to == null) {
            throw log.hand(size, 0, new VcpuExit.MmioRead(gpa, size));
        }
        vcpu.requests().leave();
        long value = 0;
        boolean answered = false;
        try {
            value = to.mmioRead(gpa, size) & -1L >>> 64 - 8 * size;
            answered = true;
        } finally {
            finish(answered, value);
        }
        return value;
    }

    @Override
    public void mmioWrite(long gpa, int size, long value) {
        if (machine.doorbells().ringMmio(gpa, size, value)
                || mmio.find(gpa, size) != null && mmio.write(gpa, size, value)) {
            return;
        }
        if (log.replays()) {
            log.replay();
            return;
        }
        VcpuExitHandler to = handler;
        if (to == null) {
            throw log.hand(size, value, new VcpuExit.MmioWrite(gpa, size, value));
        }
        vcpu.requests().leave();
        boolean answered = false;
        try {
            to.mmioWrite(gpa, size, value);
            answered = true;
        } finally {
            finish(answered, 0);
        }
    }

    /**
     * Back from the handler. If it has thrown, the access counts as made and answered with zero, and the instruction is
     * finished at the next run. If it has kicked the processor, the run ends behind this instruction: it is abandoned and
     * finished alone.
     */
    private void finish(boolean answered, long value) {
        vcpu.requests().enter();
        if (!answered) {
            log.keep(0);
        } else if ((vcpu.cpu().attention & Cpu.ATTEND_KICK) != 0 && !vcpu.cpu().stepping) {
            throw log.keep(value);
        }
    }

    @Override
    public long timeStamp() {
        return tsc.read();
    }

    @Override
    public void setTimeStamp(long value) {
        tsc.write(value);
        clock.update();
        vcpu.timeStampMoved();
    }

    @Override
    public InterruptUnit interrupts() {
        return vcpu.interrupts();
    }

    @Override
    public long random() {
        return random.nextLong();
    }

    @Override
    public void lockBus() {
        // Serving requests while waiting: whoever holds the lock may be waiting for this processor.
        int looks = 0;
        while (!machine.bus().tryLock()) {
            vcpu.requests().serve();
            Requests.pause(looks++);
        }
    }

    @Override
    public void unlockBus() {
        machine.bus().unlock();
    }

    @Override
    public void serveRequests() {
        vcpu.requests().serve();
    }

    @Override
    public void codeWrite(long gpa, int size) {
        if (!vcpu.cpu().alone) {
            machine.everywhere(vcpu, other -> other.cpu().blocks.dropWritten(gpa, size));
        }
    }

    @Override
    public void codePage(long gpa, long host) {
        if (!vcpu.cpu().alone) {
            machine.everywhere(vcpu, other -> other.cpu().mmu.flushWrites(host));
        }
    }

    @Override
    public long hypercall(Cpu c) {
        boolean wide = c.codeSize == 64;
        long call = wide ? c.gpr[0] : c.gpr[0] & 0xFFFF_FFFFL;
        if (call != SEND_IPI || !(machine instanceof WiredMachine wired)) {
            return ENOSYS;
        }
        int step = wide ? 64 : 32;
        long first = c.gpr[2] & 0xFFFF_FFFFL;
        return (long) sendIpis(wired, c.gpr[3], step, first, (int) c.gpr[6])
                + sendIpis(wired, c.gpr[1], step, first + step, (int) c.gpr[6]);
    }

    /** Sends the interrupt of {@code command}, as in an ICR, to each processor of {@code set}; returns to how many. */
    private static int sendIpis(WiredMachine machine, long set, int size, long first, int command) {
        int sent = 0;
        for (int i = 0; i < size; i++) {
            long id = first + i;
            if ((set >>> i & 1) != 0 && id < MOST_IDS
                    && machine.apics().signal(0xFEE0_0000L | id << 12, command & 0x7FF)) {
                sent++;
            }
        }
        return sent;
    }

    @Override
    public boolean readUnknownMsr(Cpu c, int index) {
        if (!clock.hasMsr(index)) {
            return false;
        }
        c.outsideValue = clock.read(index);
        return true;
    }

    @Override
    public boolean writeUnknownMsr(Cpu c, int index, long value) {
        if (!clock.hasMsr(index)) {
            return false;
        }
        clock.write(index, value);
        return true;
    }
}
