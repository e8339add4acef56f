package dev.vz.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * {@code struct kvm_run}: the pages that a vCPU shares with the kernel (KVM API, section 5).
 *
 * <p>
 * The offsets are written down here because jextract makes 8,000 lines of this one structure; {@code LayoutsAgreeWithC}
 * compares every one of them with the C compiler's.
 */
final class RunPage {

    static final int REQUEST_INTERRUPT_WINDOW = 0;
    static final int IMMEDIATE_EXIT = 1;
    static final int EXIT_REASON = 8;
    static final int READY_FOR_INTERRUPT_INJECTION = 12;
    static final int IF_FLAG = 13;
    static final int FLAGS = 14;
    static final int CR8 = 16;
    static final int APIC_BASE = 24;
    /** The union with one member for each reason. */
    static final int PAYLOAD = 32;
    static final int PAYLOAD_SIZE = 256;

    static final int HW_HARDWARE_EXIT_REASON = 32;
    static final int FAIL_ENTRY_REASON = 32;
    static final int FAIL_ENTRY_CPU = 40;
    static final int EX_EXCEPTION = 32;
    static final int EX_ERROR_CODE = 36;
    static final int IO_DIRECTION = 32;
    static final int IO_SIZE = 33;
    static final int IO_PORT = 34;
    static final int IO_COUNT = 36;
    static final int IO_DATA_OFFSET = 40;
    static final int DEBUG_EXCEPTION = 32;
    static final int DEBUG_PC = 40;
    static final int DEBUG_DR6 = 48;
    static final int DEBUG_DR7 = 56;
    static final int MMIO_PHYS_ADDR = 32;
    static final int MMIO_DATA = 40;
    static final int MMIO_LEN = 48;
    static final int MMIO_IS_WRITE = 52;
    static final int HYPERCALL_NR = 32;
    static final int HYPERCALL_ARGS = 40;
    static final int HYPERCALL_RET = 88;
    static final int HYPERCALL_LONGMODE = 96;
    static final int TPR_ACCESS_RIP = 32;
    static final int TPR_ACCESS_IS_WRITE = 40;
    static final int INTERNAL_SUBERROR = 32;
    static final int INTERNAL_NDATA = 36;
    static final int INTERNAL_DATA = 40;
    static final int EMULATION_FAILURE_FLAGS = 40;
    static final int EMULATION_FAILURE_INSN_SIZE = 48;
    static final int EMULATION_FAILURE_INSN_BYTES = 49;
    static final int SYSTEM_EVENT_TYPE = 32;
    static final int SYSTEM_EVENT_NDATA = 36;
    static final int SYSTEM_EVENT_DATA = 40;
    static final int EOI_VECTOR = 32;
    static final int HYPERV_TYPE = 32;
    static final int HYPERV_SYNIC_MSR = 40;
    static final int HYPERV_SYNIC_CONTROL = 48;
    static final int HYPERV_HCALL_INPUT = 40;
    static final int HYPERV_HCALL_RESULT = 48;
    static final int HYPERV_HCALL_PARAMS = 56;
    static final int HYPERV_SYNDBG_MSR = 40;
    static final int HYPERV_SYNDBG_CONTROL = 48;
    static final int MSR_ERROR = 32;
    static final int MSR_REASON = 40;
    static final int MSR_INDEX = 44;
    static final int MSR_DATA = 48;
    static final int XEN_TYPE = 32;
    static final int XEN_LONGMODE = 40;
    static final int XEN_CPL = 44;
    static final int XEN_INPUT = 48;
    static final int XEN_RESULT = 56;
    static final int XEN_PARAMS = 64;
    static final int NOTIFY_FLAGS = 32;
    static final int MEMORY_FAULT_FLAGS = 32;
    static final int MEMORY_FAULT_GPA = 40;
    static final int MEMORY_FAULT_SIZE = 48;

    static final int VALID_REGS = 288;
    static final int DIRTY_REGS = 296;
    static final int SYNC_REGS = 304;
    static final int SYNC_SREGS = 448;
    static final int SYNC_EVENTS = 760;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHARED_BYTE = ValueLayout.JAVA_BYTE.varHandle();

    private final MemorySegment segment;

    RunPage(MemorySegment segment) {
        this.segment = segment;
    }

    int exitReason() {
        return segment.get(INT, EXIT_REASON);
    }

    int byteAt(long offset) {
        return segment.get(BYTE, offset) & 0xFF;
    }

    int shortAt(long offset) {
        return segment.get(SHORT, offset) & 0xFFFF;
    }

    int intAt(long offset) {
        return segment.get(INT, offset);
    }

    long longAt(long offset) {
        return segment.get(LONG, offset);
    }

    void putByte(long offset, int value) {
        segment.set(BYTE, offset, (byte) value);
    }

    void putInt(long offset, int value) {
        segment.set(INT, offset, value);
    }

    void putLong(long offset, long value) {
        segment.set(LONG, offset, value);
    }

    /** The low {@code size} bytes (1 to 8) at {@code offset}, zero-extended. */
    long valueAt(long offset, int size) {
        return switch (size) {
            case 1 -> byteAt(offset);
            case 2 -> shortAt(offset);
            case 4 -> intAt(offset) & 0xFFFF_FFFFL;
            case 8 -> longAt(offset);
            default -> {
                long value = 0;
                for (int i = 0; i < size; i++) {
                    value |= (long) byteAt(offset + i) << 8 * i;
                }
                yield value;
            }
        };
    }

    void putValue(long offset, int size, long value) {
        switch (size) {
            case 1 -> putByte(offset, (int) value);
            case 2 -> segment.set(SHORT, offset, (short) value);
            case 4 -> putInt(offset, (int) value);
            case 8 -> putLong(offset, value);
            default -> {
                for (int i = 0; i < size; i++) {
                    putByte(offset + i, (int) (value >>> 8 * i));
                }
            }
        }
    }

    /**
     * Makes the next KVM_RUN complete the access in progress and return at once, or not any longer. Volatile: the kernel
     * reads it as it enters the guest, and kickers write it from any thread.
     */
    void setImmediateExit(boolean wanted) {
        SHARED_BYTE.setVolatile(segment, (long) IMMEDIATE_EXIT, (byte) (wanted ? 1 : 0));
    }

    MemorySegment slice(long offset, long length) {
        return segment.asSlice(offset, length);
    }

    void zero(long offset, long length) {
        segment.asSlice(offset, length).fill((byte) 0);
    }
}
