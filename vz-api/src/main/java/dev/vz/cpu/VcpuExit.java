package dev.vz.cpu;

import java.util.List;

/**
 * Why a vCPU left the guest, with everything the back end knows of it.
 *
 * <p>
 * Sealed, so that a {@code switch} without {@code default} shows at compile time where a new reason has to be handled.
 * The data of port and MMIO accesses longer than 8 bytes is in {@link Vcpu#exitData()}.
 */
public sealed interface VcpuExit {

    /**
     * The guest reads a port; answer with {@link Vcpu#answer(long)}.
     *
     * @param port  0 to 0xFFFF
     * @param size  bytes of one access: 1, 2 or 4
     * @param count number of accesses: more than 1 for {@code REP INS}
     */
    record PortRead(int port, int size, int count) implements VcpuExit {}

    /**
     * The guest wrote a port.
     *
     * @param port  0 to 0xFFFF
     * @param size  bytes of one access: 1, 2 or 4
     * @param count number of accesses: more than 1 for {@code REP OUTS}
     * @param value the first access's value, zero-extended
     */
    record PortWrite(int port, int size, int count, long value) implements VcpuExit {}

    /**
     * The guest reads an address without memory; answer with {@link Vcpu#answer(long)}.
     *
     * @param gpa  guest-physical address
     * @param size 1 to 8 bytes
     */
    record MmioRead(long gpa, int size) implements VcpuExit {}

    /**
     * The guest wrote an address without memory, or read-only memory.
     *
     * @param gpa   guest-physical address
     * @param size  1 to 8 bytes
     * @param value zero-extended
     */
    record MmioWrite(long gpa, int size, long value) implements VcpuExit {}

    /** {@code HLT}, where the back end does not wait for interrupts itself. */
    record Halt() implements VcpuExit {}

    /** {@link Vcpu#kick()} was called. */
    record Kicked() implements VcpuExit {}

    /** A triple fault or another shutdown condition: the processor stopped and wants a reset. */
    record Shutdown() implements VcpuExit {}

    /**
     * The back end could not go on, most often because it cannot emulate an instruction.
     *
     * @param suberror         what went wrong: 1 emulation, 2 simultaneous exceptions, 3 delivery of an event, 4 unexpected
     *                         exit reason
     * @param data             further words, meaning by {@code suberror}
     * @param instructionBytes the guest's code at the instruction pointer, as far as the back end gave it
     */
    record BackendInternalError(int suberror, List<Long> data, List<Byte> instructionBytes) implements VcpuExit {
        /** Copies the lists. */
        public BackendInternalError {
            data = List.copyOf(data);
            instructionBytes = List.copyOf(instructionBytes);
        }

        @Override
        public String toString() {
            String name = switch (suberror) {
                case 1 -> "emulation failed";
                case 2 -> "simultaneous exceptions";
                case 3 -> "event delivery failed";
                case 4 -> "unexpected exit reason";
                default -> "unknown suberror";
            };
            var text = new StringBuilder("BackendInternalError[suberror=").append(suberror).append(" (").append(name)
                    .append("), data=[");
            for (int i = 0; i < data.size(); i++) {
                text.append(i == 0 ? "0x" : ", 0x").append(Long.toHexString(data.get(i)));
            }
            text.append("], instruction=");
            for (byte b : instructionBytes) {
                text.append(String.format("%02x ", b));
            }
            return text.toString().stripTrailing() + "]";
        }
    }

    /**
     * The processor refused to enter the guest: its state is not one that hardware accepts.
     *
     * @param hardwareReason the hardware's code
     * @param hostCpu        the host processor it happened on; -1 where it is not told
     */
    record EntryFailed(long hardwareReason, int hostCpu) implements VcpuExit {}

    /**
     * The hardware left the guest for a reason that the back end does not know.
     *
     * @param hardwareReason the hardware's code
     */
    record UnknownHardwareReason(long hardwareReason) implements VcpuExit {}

    /** An exception that guest debugging asked for was caught in the guest. */
    record ExceptionCaught(int vector, int errorCode) implements VcpuExit {}

    /**
     * A breakpoint, watchpoint or single step that guest debugging set up.
     *
     * @param exception the vector: 1 (#DB) or 3 (#BP)
     * @param pc        linear address of the instruction
     * @param dr6       debug status
     * @param dr7       debug control
     */
    record Debug(int exception, long pc, long dr6, long dr7) implements VcpuExit {}

    /** The guest can now take an external interrupt, as was requested. */
    record InterruptWindow() implements VcpuExit {}

    /** A non-maskable interrupt of the host arrived in the guest. */
    record HostNmi() implements VcpuExit {}

    /**
     * A paravirtual call.
     *
     * @param number    which
     * @param arguments up to six
     * @param longMode  whether the guest was in 64-bit mode
     */
    record Hypercall(long number, List<Long> arguments, boolean longMode) implements VcpuExit {
        /** Copies the list. */
        public Hypercall {
            arguments = List.copyOf(arguments);
        }
    }

    /** An access to the task priority register. */
    record TprAccess(long rip, boolean write) implements VcpuExit {}

    /** The task priority fell below what the caller had asked to be told. */
    record TprLowered() implements VcpuExit {}

    /** The guest ended a level-triggered interrupt of an IOAPIC outside the back end. */
    record IoapicEoi(int vector) implements VcpuExit {}

    /**
     * The guest reads an MSR that the caller asked to see; answer with {@link Vcpu#answer(long)}, or raise #GP with
     * {@code answerFault} of {@link dev.vz.cpu.x86.X86Vcpu}.
     *
     * @param index  ECX
     * @param reason 1 unknown to the back end, 2 invalid, 4 filtered
     */
    record MsrRead(int index, int reason) implements VcpuExit {}

    /** The guest writes an MSR that the caller asked to see. */
    record MsrWrite(int index, int reason, long value) implements VcpuExit {}

    /**
     * The guest asked the platform for something.
     *
     * @param type 1 shutdown, 2 reset, 3 crash, 4 wake-up, 5 suspend, 6 termination of a protected guest
     * @param data further words
     */
    record SystemEvent(int type, List<Long> data) implements VcpuExit {
        /** Copies the list. */
        public SystemEvent {
            data = List.copyOf(data);
        }
    }

    /** The ring of dirty pages is full: collect it before running on. */
    record DirtyRingFull() implements VcpuExit {}

    /**
     * An access that no memory attribute allows.
     *
     * @param flags bit 3: the access was private
     * @param gpa   guest-physical address
     * @param size  bytes
     */
    record MemoryFault(long flags, long gpa, long size) implements VcpuExit {}

    /** The guest took too long without an interrupt window, and the caller asked to be told. */
    record Notify(int flags) implements VcpuExit {}

    /** The guest locked the bus with a split access, and the caller asked to be told. */
    record BusLock() implements VcpuExit {}

    /** An application processor of a protected guest waits for its start. */
    record ApResetHold() implements VcpuExit {}

    /** A Hyper-V request: synthetic interrupt controller, hypercall or debugger. */
    record HyperV(int type, List<Long> data) implements VcpuExit {
        /** Copies the list. */
        public HyperV {
            data = List.copyOf(data);
        }
    }

    /** A Xen hypercall. */
    record Xen(int type, boolean longMode, int cpl, long input, List<Long> parameters) implements VcpuExit {
        /** Copies the list. */
        public Xen {
            parameters = List.copyOf(parameters);
        }
    }

    /**
     * A reason that this version of Vz has no name for.
     *
     * @param reason  the back end's number
     * @param payload the raw bytes that came with it
     */
    record Unknown(int reason, List<Byte> payload) implements VcpuExit {
        /** Copies the list. */
        public Unknown {
            payload = List.copyOf(payload);
        }
    }
}
