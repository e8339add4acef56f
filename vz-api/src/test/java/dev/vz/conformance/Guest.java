package dev.vz.conformance;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A small machine that runs a few instructions of a test: memory laid out by {@link GuestLayout}, vCPUs in a
 * {@link GuestMode}, and a recorder of exits for each.
 *
 * <p>
 * The guest says that it has finished with {@link Assembler#end()}. An exception for which the test has no handler ends
 * the run as a {@link #fault}. A guest that does neither within {@link #PATIENCE_SECONDS} is kicked and the test fails with
 * its registers.
 */
public final class Guest implements AutoCloseable {

    /** A byte written here ends the run. */
    public static final int END_PORT = 0xF4;
    /** A byte written here ends the run as a fault. */
    static final int FAULT_PORT = 0xF5;
    /** How long a guest may take, in seconds. */
    public static final int PATIENCE_SECONDS = 30;

    private static final ScheduledExecutorService WATCHDOG = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("conformance-watchdog").factory());

    private final VirtualMachine machine;
    private final GuestMode mode;
    private final Assembler program;
    private final List<X86Vcpu> vcpus = new ArrayList<>();
    private final List<ExitRecorder> recorders = new ArrayList<>();

    Guest(VirtualMachine machine, GuestMode mode, Assembler program) {
        this.machine = machine;
        this.mode = mode;
        this.program = program;
        for (int id = 0; id < machine.config().maxVcpus(); id++) {
            X86Vcpu vcpu = machine.createVcpu(id);
            vcpus.add(vcpu);
            recorders.add(new ExitRecorder(vcpu::kick));
        }
        start(0, mode.origin());
    }

    /** Starts a guest on {@code hypervisor}. */
    public static GuestBuilder on(Hypervisor hypervisor, GuestMode mode) {
        return new GuestBuilder(hypervisor, mode);
    }

    /** Sets vCPU {@code id} to the guest's mode, at {@code ip}, with a stack of its own and all other registers zero. */
    public void start(int id, long ip) {
        X86Vcpu vcpu = vcpus.get(id);
        SpecialRegisters wanted = mode.registers();
        vcpu.setSpecialRegisters(wanted.withApicBase(vcpu.specialRegisters().apicBase()));
        vcpu.setRegisters(GeneralRegisters.zero().withRip(ip).withRsp(mode.stack(id)));
    }

    /** The machine. */
    public VirtualMachine machine() {
        return machine;
    }

    /** The guest's memory. */
    public GuestMemory memory() {
        return machine.memory();
    }

    /** The first vCPU. */
    public X86Vcpu vcpu() {
        return vcpus.getFirst();
    }

    /** vCPU {@code id}. */
    public X86Vcpu vcpu(int id) {
        return vcpus.get(id);
    }

    /** The recorder of the first vCPU's exits. */
    public ExitRecorder recorder() {
        return recorders.getFirst();
    }

    /** The recorder of the exits of vCPU {@code id}. */
    public ExitRecorder recorder(int id) {
        return recorders.get(id);
    }

    /** What the first vCPU's reads give, one after another. */
    public Guest answering(long... values) {
        recorder().answer(values);
        return this;
    }

    /** The exits of the first vCPU so far. */
    public List<VcpuExit> exits() {
        return recorder().exits();
    }

    /** Offset in the code segment of a label of the guest's code. */
    public long address(String label) {
        return program.address(label);
    }

    /** {@code size} bytes of the mailbox from {@code offset}, as a number. */
    public long mailbox(int offset, int size) {
        // Whoever waits in a loop reads it again each time round.
        VarHandle.acquireFence();
        long at = mode.dataBase() + GuestLayout.MAILBOX + offset;
        return switch (size) {
            case 1 -> memory().readByte(at) & 0xFFL;
            case 2 -> memory().readShort(at) & 0xFFFFL;
            case 4 -> memory().readInt(at) & 0xFFFF_FFFFL;
            default -> memory().readLong(at);
        };
    }

    /** Runs the first vCPU until something ends the run. */
    public Stop run() {
        return run(0);
    }

    /** Runs vCPU {@code id} on the calling thread until something ends the run. */
    public Stop run(int id) {
        X86Vcpu vcpu = vcpus.get(id);
        ExitRecorder recorder = recorders.get(id);
        recorder.begin();
        var impatient = new AtomicBoolean();
        ScheduledFuture<?> watchdog = watch(vcpu, impatient);
        try {
            vcpu.run(recorder);
        } finally {
            watchdog.cancel(false);
        }
        if (impatient.get()) {
            throw new AssertionError("The guest did not end within " + PATIENCE_SECONDS + " s: " + describe(id));
        }
        return recorder.stop();
    }

    /** Kicks {@code vcpu} when patience is over, and says so in {@code impatient}. */
    static ScheduledFuture<?> watch(X86Vcpu vcpu, AtomicBoolean impatient) {
        return WATCHDOG.schedule(() -> {
            impatient.set(true);
            vcpu.kick();
        }, PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Runs the first vCPU to {@link Assembler#end()}; fails if anything else ends the run. */
    public Guest runToEnd() {
        return runToEnd(0);
    }

    /** Runs vCPU {@code id} to {@link Assembler#end()}; fails if anything else ends the run. */
    public Guest runToEnd(int id) {
        Stop stop = run(id);
        if (stop != Stop.END) {
            throw new AssertionError("The guest should have come to its end but stopped with " + stop + ": "
                    + describe(id));
        }
        return this;
    }

    /** Runs the first vCPU to an exception that has no handler; fails if anything else ends the run. */
    public GuestFault runToFault() {
        Stop stop = run();
        if (stop != Stop.FAULT) {
            throw new AssertionError("The guest should have faulted but stopped with " + stop + ": " + describe(0));
        }
        return fault(0);
    }

    /** What the exception that ended the run of vCPU {@code id} left on the stack. */
    public GuestFault fault(int id) {
        SpecialRegisters special = vcpu(id).specialRegisters();
        int word = mode.wordSize();
        long at = special.ss().base() + vcpu(id).registers().rsp();
        int vector = (int) word(at) & 0xFF;
        boolean hasErrorCode = mode != GuestMode.REAL && GuestFault.hasErrorCode(vector);
        long errorCode = hasErrorCode ? word(at + word) : 0;
        long frame = at + (hasErrorCode ? 2L : 1L) * word;
        return new GuestFault(vector, errorCode, word(frame), (int) word(frame + word) & 0xFFFF,
                word(frame + 2L * word),
                special.cr2());
    }

    private long word(long gpa) {
        return switch (mode.wordSize()) {
            case 2 -> memory().readShort(gpa) & 0xFFFFL;
            case 4 -> memory().readInt(gpa) & 0xFFFF_FFFFL;
            default -> memory().readLong(gpa);
        };
    }

    private String describe(int id) {
        var text = new StringBuilder();
        if (recorders.get(id).stop() == Stop.FAULT) {
            text.append(fault(id)).append("; ");
        }
        List<VcpuExit> exits = recorders.get(id).exits();
        return text.append("last exits ").append(exits.subList(Math.max(0, exits.size() - 4), exits.size()))
                .append("; ").append(vcpu(id).registers()).append("; ").append(vcpu(id).specialRegisters().cs())
                .toString();
    }

    /** Closes the machine, then its memory. */
    @Override
    public void close() {
        machine.close();
        memory().close();
    }
}
