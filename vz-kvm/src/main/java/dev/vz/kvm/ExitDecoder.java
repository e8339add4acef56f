package dev.vz.kvm;

import dev.vz.cpu.VcpuExit;
import dev.vz.kvm.generated.KvmHeaders;
import java.util.ArrayList;
import java.util.List;

/** Reads an exit's whole payload out of the run page (KVM API, section 5). */
final class ExitDecoder {

    /** The most words that the kernel's arrays hold; a count beyond it would be the kernel's mistake. */
    private static final int MAXIMUM_DATA = 16;

    private ExitDecoder() {}

    /** The exit for {@code reason}; never {@link VcpuExit.Kicked}, which has no reason of its own. */
    static VcpuExit decode(int reason, RunPage page) {
        return switch (reason) {
            case Reason.IO -> port(page);
            case Reason.MMIO -> mmio(page);
            case Reason.HLT -> new VcpuExit.Halt();
            case Reason.SHUTDOWN -> new VcpuExit.Shutdown();
            case Reason.INTERNAL_ERROR -> internalError(page);
            case Reason.FAIL_ENTRY -> new VcpuExit.EntryFailed(page.longAt(RunPage.FAIL_ENTRY_REASON),
                    page.intAt(RunPage.FAIL_ENTRY_CPU));
            case Reason.UNKNOWN -> new VcpuExit.UnknownHardwareReason(page.longAt(RunPage.HW_HARDWARE_EXIT_REASON));
            case Reason.EXCEPTION -> new VcpuExit.ExceptionCaught(page.intAt(RunPage.EX_EXCEPTION),
                    page.intAt(RunPage.EX_ERROR_CODE));
            case Reason.DEBUG -> new VcpuExit.Debug(page.intAt(RunPage.DEBUG_EXCEPTION),
                    page.longAt(RunPage.DEBUG_PC), page.longAt(RunPage.DEBUG_DR6), page.longAt(RunPage.DEBUG_DR7));
            case Reason.IRQ_WINDOW_OPEN -> new VcpuExit.InterruptWindow();
            case Reason.NMI -> new VcpuExit.HostNmi();
            case Reason.HYPERCALL -> new VcpuExit.Hypercall(page.longAt(RunPage.HYPERCALL_NR),
                    longs(page, RunPage.HYPERCALL_ARGS, 6), page.intAt(RunPage.HYPERCALL_LONGMODE) != 0);
            case Reason.TPR_ACCESS -> new VcpuExit.TprAccess(page.longAt(RunPage.TPR_ACCESS_RIP),
                    page.intAt(RunPage.TPR_ACCESS_IS_WRITE) != 0);
            case Reason.SET_TPR -> new VcpuExit.TprLowered();
            case Reason.IOAPIC_EOI -> new VcpuExit.IoapicEoi(page.byteAt(RunPage.EOI_VECTOR));
            case Reason.RDMSR -> new VcpuExit.MsrRead(page.intAt(RunPage.MSR_INDEX), page.intAt(RunPage.MSR_REASON));
            case Reason.WRMSR -> new VcpuExit.MsrWrite(page.intAt(RunPage.MSR_INDEX),
                    page.intAt(RunPage.MSR_REASON), page.longAt(RunPage.MSR_DATA));
            case Reason.SYSTEM_EVENT -> new VcpuExit.SystemEvent(page.intAt(RunPage.SYSTEM_EVENT_TYPE),
                    longs(page, RunPage.SYSTEM_EVENT_DATA, page.intAt(RunPage.SYSTEM_EVENT_NDATA)));
            case Reason.DIRTY_RING_FULL -> new VcpuExit.DirtyRingFull();
            case Reason.MEMORY_FAULT -> new VcpuExit.MemoryFault(page.longAt(RunPage.MEMORY_FAULT_FLAGS),
                    page.longAt(RunPage.MEMORY_FAULT_GPA), page.longAt(RunPage.MEMORY_FAULT_SIZE));
            case Reason.NOTIFY -> new VcpuExit.Notify(page.intAt(RunPage.NOTIFY_FLAGS));
            case Reason.BUS_LOCK -> new VcpuExit.BusLock();
            case Reason.AP_RESET_HOLD -> new VcpuExit.ApResetHold();
            case Reason.HYPERV -> hyperV(page);
            case Reason.XEN -> new VcpuExit.Xen(page.intAt(RunPage.XEN_TYPE), page.intAt(RunPage.XEN_LONGMODE) != 0,
                    page.intAt(RunPage.XEN_CPL), page.longAt(RunPage.XEN_INPUT), longs(page, RunPage.XEN_PARAMS, 6));
            // Reasons of other architectures, of machine types that this back end does not make, and of kernels to come.
            default -> new VcpuExit.Unknown(reason, bytes(page, RunPage.PAYLOAD, RunPage.PAYLOAD_SIZE));
        };
    }

    private static VcpuExit port(RunPage page) {
        int port = page.shortAt(RunPage.IO_PORT);
        int size = page.byteAt(RunPage.IO_SIZE);
        int count = page.intAt(RunPage.IO_COUNT);
        return page.byteAt(RunPage.IO_DIRECTION) == KvmHeaders.KVM_EXIT_IO_IN()
                ? new VcpuExit.PortRead(port, size, count)
                : new VcpuExit.PortWrite(port, size, count,
                        page.valueAt(page.longAt(RunPage.IO_DATA_OFFSET), size));
    }

    private static VcpuExit mmio(RunPage page) {
        long gpa = page.longAt(RunPage.MMIO_PHYS_ADDR);
        int size = page.intAt(RunPage.MMIO_LEN);
        return page.byteAt(RunPage.MMIO_IS_WRITE) == 0
                ? new VcpuExit.MmioRead(gpa, size)
                : new VcpuExit.MmioWrite(gpa, size, page.valueAt(RunPage.MMIO_DATA, size));
    }

    private static VcpuExit internalError(RunPage page) {
        int suberror = page.intAt(RunPage.INTERNAL_SUBERROR);
        int words = page.intAt(RunPage.INTERNAL_NDATA);
        List<Byte> instruction = List.of();
        // The size and the bytes are the second and third word; the first says whether they are there.
        if (suberror == KvmHeaders.KVM_INTERNAL_ERROR_EMULATION() && words >= 3 && (page.longAt(
                RunPage.EMULATION_FAILURE_FLAGS)
                & KvmHeaders.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES()) != 0) {
            int size = Math.min(page.byteAt(RunPage.EMULATION_FAILURE_INSN_SIZE), 15);
            instruction = bytes(page, RunPage.EMULATION_FAILURE_INSN_BYTES, size);
        }
        return new VcpuExit.BackendInternalError(suberror, longs(page, RunPage.INTERNAL_DATA, words), instruction);
    }

    private static VcpuExit hyperV(RunPage page) {
        int type = page.intAt(RunPage.HYPERV_TYPE);
        var data = new ArrayList<Long>();
        if (type == KvmHeaders.KVM_EXIT_HYPERV_HCALL()) {
            data.add(page.longAt(RunPage.HYPERV_HCALL_INPUT));
            data.addAll(longs(page, RunPage.HYPERV_HCALL_PARAMS, 2));
        } else if (type == KvmHeaders.KVM_EXIT_HYPERV_SYNIC()) {
            data.add(page.intAt(RunPage.HYPERV_SYNIC_MSR) & 0xFFFF_FFFFL);
            data.addAll(longs(page, RunPage.HYPERV_SYNIC_CONTROL, 3));
        } else if (type == KvmHeaders.KVM_EXIT_HYPERV_SYNDBG()) {
            data.add(page.intAt(RunPage.HYPERV_SYNDBG_MSR) & 0xFFFF_FFFFL);
            data.addAll(longs(page, RunPage.HYPERV_SYNDBG_CONTROL, 5));
        } else {
            data.addAll(longs(page, RunPage.HYPERV_SYNIC_MSR, 6));
        }
        return new VcpuExit.HyperV(type, data);
    }

    private static List<Long> longs(RunPage page, int offset, int count) {
        int bounded = Math.clamp(count, 0, MAXIMUM_DATA);
        var values = new ArrayList<Long>(bounded);
        for (int i = 0; i < bounded; i++) {
            values.add(page.longAt(offset + 8L * i));
        }
        return values;
    }

    private static List<Byte> bytes(RunPage page, int offset, int count) {
        var values = new ArrayList<Byte>(count);
        for (int i = 0; i < count; i++) {
            values.add((byte) page.byteAt(offset + i));
        }
        return values;
    }

    /** KVM_EXIT_*, as constants that a switch can use. The test of the layouts compares them with the header's. */
    static final class Reason {
        static final int UNKNOWN = 0;
        static final int EXCEPTION = 1;
        static final int IO = 2;
        static final int HYPERCALL = 3;
        static final int DEBUG = 4;
        static final int HLT = 5;
        static final int MMIO = 6;
        static final int IRQ_WINDOW_OPEN = 7;
        static final int SHUTDOWN = 8;
        static final int FAIL_ENTRY = 9;
        static final int INTR = 10;
        static final int SET_TPR = 11;
        static final int TPR_ACCESS = 12;
        static final int NMI = 16;
        static final int INTERNAL_ERROR = 17;
        static final int SYSTEM_EVENT = 24;
        static final int IOAPIC_EOI = 26;
        static final int HYPERV = 27;
        static final int RDMSR = 29;
        static final int WRMSR = 30;
        static final int DIRTY_RING_FULL = 31;
        static final int AP_RESET_HOLD = 32;
        static final int BUS_LOCK = 33;
        static final int XEN = 34;
        static final int NOTIFY = 37;
        static final int MEMORY_FAULT = 39;

        private Reason() {}
    }
}
