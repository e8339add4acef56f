package dev.vz.kvm;

import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.kvm.ExitDecoder.Reason;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * KVM_RUN: enters the guest, hands out the exits and takes the answers. Allocates nothing for port, MMIO and HLT exits
 * that go to a handler (measured by {@code ExitBenchmark}).
 */
final class VcpuRunner {

    /** What {@link #enterGuest()} gives in place of a reason when somebody kicked. */
    private static final int KICKED = -1;

    /** What an answer is an answer to. */
    private enum Question {
        NONE, PORT, MMIO, MSR, HYPERCALL, HYPER_V, XEN
    }

    private final String name;
    private final FileDescriptor descriptor;
    private final RunPage page;
    private final RunGate gate;

    /** The thread whose signal mask the kernel has been told. */
    private @Nullable Thread prepared;
    private int preparedId;
    private Question question = Question.NONE;
    /** The kernel waits for the next KVM_RUN to finish the instruction that made the last exit. */
    private boolean unfinished;
    private long dataOffset;
    private long dataLength;
    /** The view of string data handed out last: most strings of a driver have one length. */
    private @Nullable MemorySegment view;

    VcpuRunner(String name, FileDescriptor descriptor, RunPage page, RunGate gate) {
        this.name = name;
        this.descriptor = descriptor;
        this.page = page;
        this.gate = gate;
    }

    VcpuExit run() {
        begin();
        try {
            int reason = enterGuest();
            if (reason == KICKED) {
                return new VcpuExit.Kicked();
            }
            VcpuExit exit = ExitDecoder.decode(reason, page);
            ask(reason);
            return exit;
        } finally {
            gate.leave();
        }
    }

    Vcpu.Outcome run(VcpuExitHandler handler) {
        begin();
        try {
            while (true) {
                int reason = enterGuest();
                boolean goOn = switch (reason) {
                    case Reason.IO -> port(handler);
                    case Reason.MMIO -> mmio(handler);
                    case Reason.HLT -> handler.halt();
                    case KICKED -> {
                        yield false;
                    }
                    default -> other(reason, handler);
                };
                if (!goOn) {
                    return reason == KICKED ? Vcpu.Outcome.KICKED : Vcpu.Outcome.LEFT;
                }
            }
        } finally {
            gate.leave();
        }
    }

    private void begin() {
        Thread current = Thread.currentThread();
        int id = prepared == current ? preparedId : VcpuThread.prepare();
        gate.enter(id);
        if (prepared != current) {
            try {
                VcpuThread.setRunMask(descriptor);
            } catch (RuntimeException | Error failure) {
                gate.leave();
                throw failure;
            }
            preparedId = id;
            prepared = current;
        }
    }

    private int enterGuest() {
        question = Question.NONE;
        while (true) {
            int result = Ioctl.call(descriptor, KvmHeaders.KVM_RUN(), 0);
            unfinished = false;
            if (result >= 0) {
                int reason = page.exitReason();
                if (reason != Reason.INTR) {
                    unfinished = true;
                    return reason;
                }
            } else if (result == -Errno.EINTR) {
                if (interrupted()) {
                    return KICKED;
                }
            } else if (result == -Errno.EFAULT || result == -Errno.EHWPOISON) {
                if (page.exitReason() != Reason.MEMORY_FAULT) {
                    throw failure(result);
                }
                // Not left there, so that a later EFAULT of another cause is not taken for this.
                page.putInt(RunPage.EXIT_REASON, Reason.UNKNOWN);
                return Reason.MEMORY_FAULT;
            } else if (result != -Errno.EAGAIN) {
                // EAGAIN: an application processor got its INIT or SIPI while it waited, and goes on.
                throw failure(result);
            }
        }
    }

    /**
     * Finishes the instruction that made the last exit, without entering the guest: before the state is saved, so that
     * it is that between two instructions, and before it is replaced, so that the next run does not finish an instruction
     * of the state before. Reads that nobody has answered read zeros.
     */
    void finishInstruction() {
        while (unfinished) {
            page.setImmediateExit(true);
            int result = Ioctl.call(descriptor, KvmHeaders.KVM_RUN(), 0);
            // An access that crosses a page comes as several exits.
            unfinished = result >= 0 && (page.exitReason() == Reason.MMIO || page.exitReason() == Reason.IO);
            if (unfinished) {
                ask(page.exitReason());
            } else if (result < 0 && result != -Errno.EINTR && result != -Errno.EAGAIN) {
                throw failure(result);
            }
        }
        question = Question.NONE;
        gate.allowEntry();
    }

    /** A signal ended KVM_RUN: does what was requested, and says whether that is to return. */
    private boolean interrupted() {
        int requests = gate.take();
        raise(requests);
        return (requests & RunGate.KICK) != 0;
    }

    /** Raises what was requested while nobody ran it. A kick stays for the next run. */
    void deliverRequests() {
        raise(gate.takeInterrupts());
    }

    private void raise(int requests) {
        if ((requests & RunGate.NMI) != 0) {
            Ioctl.checked("ioctl KVM_NMI", descriptor, KvmHeaders.KVM_NMI(), 0);
        }
        if ((requests & RunGate.SMI) != 0) {
            Ioctl.checked("ioctl KVM_SMI", descriptor, KvmHeaders.KVM_SMI(), 0);
        }
    }

    private HostException failure(int result) {
        int errno = -result;
        String remedy = switch (errno) {
            case Errno.EFAULT -> "guest memory is not mapped in this process any more, or the guest touched pages of a "
                    + "file that is shorter than its mapping";
            case Errno.EHWPOISON -> "the host's memory is broken where the guest used it";
            case Errno.EINVAL -> "the registers that were set cannot be a processor's state";
            case Errno.EBADF -> "the virtual machine was closed";
            default -> null;
        };
        return new HostException("ioctl KVM_RUN", descriptor.toString(), errno, Errno.name(errno), remedy);
    }

    // -------------------------------------------------------------------------------------- exits to a handler

    private boolean port(VcpuExitHandler handler) {
        int port = page.shortAt(RunPage.IO_PORT);
        int size = page.byteAt(RunPage.IO_SIZE);
        int count = page.intAt(RunPage.IO_COUNT);
        long offset = page.longAt(RunPage.IO_DATA_OFFSET);
        boolean read = page.byteAt(RunPage.IO_DIRECTION) == KvmHeaders.KVM_EXIT_IO_IN();
        if (count == 1) {
            if (read) {
                page.putValue(offset, size, 0); // what the guest reads if the handler throws
                page.putValue(offset, size, handler.portRead(port, size));
            } else {
                handler.portWrite(port, size, page.valueAt(offset, size));
            }
        } else {
            MemorySegment data = view(offset, (long) size * count);
            if (read) {
                data.fill((byte) 0);
                handler.portReadString(port, size, count, data);
            } else {
                handler.portWriteString(port, size, count, data);
            }
        }
        return true;
    }

    private boolean mmio(VcpuExitHandler handler) {
        long gpa = page.longAt(RunPage.MMIO_PHYS_ADDR);
        int size = page.intAt(RunPage.MMIO_LEN);
        if (page.byteAt(RunPage.MMIO_IS_WRITE) == 0) {
            page.putLong(RunPage.MMIO_DATA, 0);
            page.putLong(RunPage.MMIO_DATA, handler.mmioRead(gpa, size));
        } else {
            handler.mmioWrite(gpa, size, page.valueAt(RunPage.MMIO_DATA, size));
        }
        return true;
    }

    private boolean other(int reason, VcpuExitHandler handler) {
        VcpuExit exit = ExitDecoder.decode(reason, page);
        ask(reason);
        return handler.exit(exit);
    }

    private MemorySegment view(long offset, long length) {
        MemorySegment last = view;
        if (last == null || last.byteSize() != length || dataOffset != offset) {
            last = page.slice(offset, length);
            view = last;
            dataOffset = offset;
        }
        return last;
    }

    // ------------------------------------------------------------------------------------------------ answers

    /** Notes what an answer would be to, and clears what the guest reads if none comes. */
    private void ask(int reason) {
        switch (reason) {
            case Reason.IO -> {
                question = Question.PORT;
                dataOffset = page.longAt(RunPage.IO_DATA_OFFSET);
                dataLength = (long) page.byteAt(RunPage.IO_SIZE) * page.intAt(RunPage.IO_COUNT);
                view = null;
                if (page.byteAt(RunPage.IO_DIRECTION) == KvmHeaders.KVM_EXIT_IO_IN()) {
                    page.zero(dataOffset, dataLength);
                }
            }
            case Reason.MMIO -> {
                question = Question.MMIO;
                dataOffset = RunPage.MMIO_DATA;
                dataLength = page.intAt(RunPage.MMIO_LEN);
                view = null;
                if (page.byteAt(RunPage.MMIO_IS_WRITE) == 0) {
                    page.putLong(RunPage.MMIO_DATA, 0);
                }
            }
            case Reason.RDMSR -> {
                question = Question.MSR;
                page.putByte(RunPage.MSR_ERROR, 0);
                page.putLong(RunPage.MSR_DATA, 0);
            }
            case Reason.WRMSR -> {
                question = Question.MSR;
                page.putByte(RunPage.MSR_ERROR, 0);
            }
            case Reason.HYPERCALL -> {
                question = Question.HYPERCALL;
                page.putLong(RunPage.HYPERCALL_RET, 0);
            }
            case Reason.HYPERV -> question = page.intAt(RunPage.HYPERV_TYPE) == KvmHeaders.KVM_EXIT_HYPERV_HCALL()
                    ? Question.HYPER_V
                    : Question.NONE;
            case Reason.XEN -> question = Question.XEN;
            default -> question = Question.NONE;
        }
    }

    void answer(long value) {
        requireTurn();
        switch (question) {
            case PORT -> page.putValue(dataOffset, page.byteAt(RunPage.IO_SIZE), value);
            case MMIO -> page.putLong(RunPage.MMIO_DATA, value);
            case MSR -> page.putLong(RunPage.MSR_DATA, value);
            case HYPERCALL -> page.putLong(RunPage.HYPERCALL_RET, value);
            case HYPER_V -> page.putLong(RunPage.HYPERV_HCALL_RESULT, value);
            case XEN -> page.putLong(RunPage.XEN_RESULT, value);
            case NONE -> throw new LifecycleException("The last exit of " + name + " asks for no answer");
        }
    }

    void answerFault() {
        requireTurn();
        if (question != Question.MSR) {
            throw new LifecycleException("The last exit of " + name + " is no MSR access; only that can be answered "
                    + "with a fault");
        }
        page.putByte(RunPage.MSR_ERROR, 1);
    }

    MemorySegment exitData() {
        requireTurn();
        if (question != Question.PORT && question != Question.MMIO) {
            throw new LifecycleException("The last exit of " + name + " is no port or MMIO access; it has no data");
        }
        return page.slice(dataOffset, dataLength);
    }

    private void requireTurn() {
        gate.requireAccess();
    }
}
