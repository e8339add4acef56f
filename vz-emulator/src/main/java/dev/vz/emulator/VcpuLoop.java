package dev.vz.emulator;

import dev.vz.cpu.HaltNotice;
import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.GuestDebug;
import dev.vz.cpu.x86.MpState;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Reset;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.irq.LocalApic;
import dev.vz.error.LifecycleException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The time that a thread spends in {@code run} of a virtual CPU: entering and leaving, waiting in HLT and for start-up,
 * what other threads ask for meanwhile.
 */
final class VcpuLoop implements LocalApic.Processor, AutoCloseable {

    private static final long LONGEST_WAIT = 1_000_000_000L;
    private static final int INIT = 1 << 8;
    private static final int START_UP = 1 << 9;

    private final EmulatedVcpu vcpu;
    private final String name;
    private final Cpu cpu;
    private final Interpreter interpreter;
    private final VcpuExits exits;
    private final Requests requests;
    private final AtomicReference<@Nullable Thread> runner = new AtomicReference<>();
    private volatile boolean waiting;
    private volatile boolean closed;
    private volatile MpState mpState = MpState.RUNNABLE;
    /** {@link #INIT} and {@link #START_UP} with its vector, as they arrived. */
    private int signals;
    private GuestDebug.Settings debug = GuestDebug.Settings.off();
    private HaltNotice.@Nullable Listener onHalt;

    VcpuLoop(EmulatedVcpu vcpu, String name, Cpu cpu, Interpreter interpreter, VcpuExits exits, Requests requests) {
        this.vcpu = vcpu;
        this.name = name;
        this.cpu = cpu;
        this.interpreter = interpreter;
        this.exits = exits;
        this.requests = requests;
    }

    // ---- from any thread

    /** Has the processor look up from its work. */
    void attend(int bits) {
        cpu.attend(bits);
        if (waiting) {
            Thread thread = runner.get();
            if (thread != null) {
                LockSupport.unpark(thread);
            }
        }
    }

    @Override
    public void attention() {
        attend(Cpu.ATTEND_INTERRUPT);
    }

    @Override
    public void nmi() {
        vcpu.nmi();
    }

    @Override
    public void smi() {
        // There is no system management mode: what would enter it has no effect.
    }

    @Override
    public void init() {
        synchronized (this) {
            signals = INIT;
        }
        attend(Cpu.ATTEND_EVENT);
    }

    @Override
    public void startUp(int vector) {
        synchronized (this) {
            signals = signals & INIT | START_UP | vector & 0xFF;
        }
        attend(Cpu.ATTEND_EVENT);
    }

    /** Faults if another thread is inside {@code run}, or the processor is closed. */
    void requireAccess() {
        Thread thread = runner.get();
        if (closed) {
            throw new LifecycleException(name + " is closed");
        }
        if (thread != null && thread != Thread.currentThread()) {
            throw new LifecycleException(name + " is running on thread \"" + thread.getName()
                    + "\"; kick it and wait for its run to return first");
        }
    }

    MpState mpState() {
        return mpState == MpState.RUNNABLE && cpu.halted ? MpState.HALTED : mpState;
    }

    void setMpState(MpState next) {
        cpu.halted = next == MpState.HALTED;
        mpState = next == MpState.HALTED ? MpState.RUNNABLE : next;
    }

    void onHalt(HaltNotice.@Nullable Listener listener) {
        onHalt = listener;
    }

    void setDebug(GuestDebug.Settings settings) {
        debug = settings;
        interpreter.singleStep = settings.singleStep();
        cpu.debug.watchForHost(settings);
    }

    // ---- lifetime

    @Override
    public void close() {
        if (runner.get() != null) {
            throw new LifecycleException(
                    name + " is running; kick it and wait for its run to return before closing it");
        }
        closed = true;
    }

    void shut() {
        closed = true;
        attend(Cpu.ATTEND_KICK);
    }

    void expel() {
        Thread self = Thread.currentThread();
        while (runner.get() != null && runner.get() != self) {
            attend(Cpu.ATTEND_KICK);
            LockSupport.parkNanos(this, 50_000);
        }
    }

    private void enter() {
        if (!runner.compareAndSet(null, Thread.currentThread())) {
            Thread other = runner.get();
            throw new LifecycleException(name + " is being run by "
                    + (other == null ? "another thread" : "thread \"" + other.getName() + "\"")
                    + "; one thread at a time runs a vCPU");
        }
        if (closed) {
            runner.set(null);
            throw new LifecycleException(name + " is closed");
        }
        requests.enter();
    }

    private void leave() {
        requests.leave();
        runner.set(null);
    }

    // ---- running

    Vcpu.Outcome run(VcpuExitHandler handler) {
        enter();
        exits.answeredBy(handler);
        try {
            while (true) {
                VcpuExit exit = step();
                if (exit == null) {
                    continue;
                }
                if (exit instanceof VcpuExit.Kicked) {
                    return Vcpu.Outcome.KICKED;
                }
                requests.leave();
                boolean again = exit instanceof VcpuExit.Halt ? handler.halt() : handler.exit(exit);
                requests.enter();
                if (!again) {
                    return Vcpu.Outcome.LEFT;
                }
            }
        } finally {
            exits.answeredBy(null);
            leave();
        }
    }

    VcpuExit run() {
        enter();
        exits.answeredBy(null);
        try {
            while (true) {
                VcpuExit exit = step();
                if (exit != null) {
                    return exit;
                }
            }
        } finally {
            leave();
        }
    }

    /** Runs until there is something for the caller, or an instruction was abandoned for its access to a device. */
    private @Nullable VcpuExit step() {
        AccessLog log = exits.log();
        try {
            if (log.isWaiting()) {
                log.resume();
                interpreter.finishInstruction();
                log.clear();
                if (interpreter.hasShutDown()) {
                    return new VcpuExit.Shutdown();
                }
            }
            return next();
        } catch (AccessLog.Abandoned abandoned) {
            return log.waiting();
        }
    }

    /** Runs until there is something for the caller. */
    private VcpuExit next() {
        while (true) {
            if (mpState != MpState.RUNNABLE) {
                if ((cpu.attention & Cpu.ATTEND_KICK) != 0) {
                    cpu.attended(Cpu.ATTEND_KICK);
                    return new VcpuExit.Kicked();
                }
                cpu.attended(Cpu.ATTEND_EVENT);
                if (!takeSignals()) {
                    await();
                }
                continue;
            }
            switch (interpreter.run()) {
                case KICKED -> {
                    return new VcpuExit.Kicked();
                }
                case SHUTDOWN -> {
                    return new VcpuExit.Shutdown();
                }
                case WINDOW -> {
                    return new VcpuExit.InterruptWindow();
                }
                case EVENT -> takeSignals();
                case HALTED -> {
                    if (!vcpu.waitsInHalt()) {
                        cpu.halted = false;
                        return new VcpuExit.Halt();
                    }
                    await();
                }
                case STEPPED -> {
                    return stopped(1, 1L << 14);
                }
                case BREAKPOINT -> {
                    return stopped(cpu.hostStop, cpu.hostHits);
                }
            }
        }
    }

    private VcpuExit stopped(int vector, long dr6) {
        long base = cpu.codeSize == 64 ? 0 : cpu.segmentBase[Segments.CS];
        return new VcpuExit.Debug(vector, base + cpu.rip, 0xFFFF_0FF0L | dr6,
                debug.hardware().isEmpty() ? 0x400 : 0x4FF);
    }

    /** Waits for an interrupt, a signal, a request or a kick. */
    private void await() {
        requests.leave();
        HaltNotice.Listener listener = cpu.attention == 0 ? onHalt : null;
        if (listener != null) {
            listener.halted();
        }
        waiting = true;
        try {
            while (cpu.attention == 0) {
                LockSupport.parkNanos(this, LONGEST_WAIT);
                if (Thread.interrupted()) {
                    attend(Cpu.ATTEND_KICK); // an interrupted thread cannot park: its owner wants it back
                    Thread.currentThread().interrupt();
                }
            }
        } finally {
            waiting = false;
            if (listener != null) {
                listener.resumes();
            }
            requests.enter();
        }
        if ((cpu.attention & Cpu.ATTEND_REQUEST) != 0) {
            cpu.attended(Cpu.ATTEND_REQUEST);
        }
    }

    /** INIT and start-up, in that order. Returns whether there was one. */
    private boolean takeSignals() {
        int taken;
        synchronized (this) {
            taken = signals;
            signals = 0;
        }
        if ((taken & INIT) != 0) {
            vcpu.interrupts().reset(false);
            Reset.init(cpu);
            mpState = vcpu.id() == 0 ? MpState.RUNNABLE : MpState.INIT_RECEIVED;
        }
        if ((taken & START_UP) != 0 && mpState == MpState.INIT_RECEIVED) {
            int vector = taken & 0xFF;
            cpu.segmentSelector[Segments.CS] = vector << 8;
            cpu.segmentBase[Segments.CS] = (long) vector << 12;
            cpu.rip = 0;
            mpState = MpState.RUNNABLE;
            Modes.segments(cpu);
        }
        return taken != 0;
    }
}
