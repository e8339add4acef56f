package dev.vz.emulator.hostcpu;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.X87Images;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * What one instruction finds and leaves: floating-point and vector state, a memory operand, four general registers and the
 * flags. The layout in {@link #read} and {@link #write} is that of {@code struct record} in host-cpu.c.
 */
public final class MachineCase {

    /** Bytes of one record. */
    public static final int LENGTH = 704;
    /** Where the memory operand starts in a record. */
    public static final int MEMORY = 512;
    /** Arithmetic flags: CF, PF, AF, ZF, SF, OF. */
    public static final int ARITHMETIC_FLAGS = 0x8D5;

    private static final int REGISTERS = 640;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /** x87 and vector registers. */
    public final FpuState fpu = new FpuState();
    /** The memory operand, as sixteen little-endian words. */
    public final long[] memory = new long[16];
    /** RAX. */
    public long rax;
    /** RCX. */
    public long rcx;
    /** RDX. */
    public long rdx;
    /** RBX. */
    public long rbx;
    /** RFLAGS; only {@link #ARITHMETIC_FLAGS} count. */
    public long flags;
    /** The signal that the instruction ended in: SIGILL 4, SIGFPE 8, or 0. */
    public long signal;

    private final byte[] image = new byte[512];

    /** Takes over a record. */
    public void read(byte[] records, int offset) {
        System.arraycopy(records, offset, image, 0, 512);
        if (!X87Images.fxrstor(fpu, image, true, true)) {
            throw new IllegalStateException("a record has reserved bits in MXCSR");
        }
        for (int i = 0; i < 16; i++) {
            memory[i] = (long) LONG.get(records, offset + MEMORY + 8 * i);
        }
        rax = (long) LONG.get(records, offset + REGISTERS);
        rcx = (long) LONG.get(records, offset + REGISTERS + 8);
        rdx = (long) LONG.get(records, offset + REGISTERS + 16);
        rbx = (long) LONG.get(records, offset + REGISTERS + 24);
        flags = (long) LONG.get(records, offset + REGISTERS + 32) & ARITHMETIC_FLAGS;
        signal = (long) LONG.get(records, offset + REGISTERS + 40);
    }

    /** Puts this case into a record. */
    public void write(byte[] records, int offset) {
        X87Images.fxsave(fpu, image, true, true);
        System.arraycopy(image, 0, records, offset, 512);
        for (int i = 0; i < 16; i++) {
            LONG.set(records, offset + MEMORY + 8 * i, memory[i]);
        }
        LONG.set(records, offset + REGISTERS, rax);
        LONG.set(records, offset + REGISTERS + 8, rcx);
        LONG.set(records, offset + REGISTERS + 16, rdx);
        LONG.set(records, offset + REGISTERS + 24, rbx);
        LONG.set(records, offset + REGISTERS + 32, flags | 0x202);
        LONG.set(records, offset + REGISTERS + 40, signal);
    }

    /** What differs from another case, or an empty text. */
    public String difference(MachineCase other) {
        StringBuilder text = new StringBuilder();
        number(text, "signal", signal, other.signal);
        number(text, "fcw", fpu.fcw, other.fpu.fcw);
        number(text, "fsw", fpu.statusWord(), other.fpu.statusWord());
        number(text, "ftw", fpu.ftw, other.fpu.ftw);
        number(text, "mxcsr", fpu.mxcsr, other.fpu.mxcsr);
        for (int i = 0; i < 8; i++) {
            if (fpu.significand[i] != other.fpu.significand[i] || fpu.signExponent[i] != other.fpu.signExponent[i]) {
                text.append(" r%d=%04x:%016x/%04x:%016x".formatted(i, fpu.signExponent[i], fpu.significand[i],
                        other.fpu.signExponent[i], other.fpu.significand[i]));
            }
        }
        for (int i = 0; i < 16; i++) {
            if (fpu.xmm[2 * i] != other.fpu.xmm[2 * i] || fpu.xmm[2 * i + 1] != other.fpu.xmm[2 * i + 1]) {
                text.append(" xmm%d=%016x_%016x/%016x_%016x".formatted(i, fpu.xmm[2 * i + 1], fpu.xmm[2 * i],
                        other.fpu.xmm[2 * i + 1], other.fpu.xmm[2 * i]));
            }
        }
        for (int i = 0; i < 16; i++) {
            number(text, "memory" + i, memory[i], other.memory[i]);
        }
        number(text, "rax", rax, other.rax);
        number(text, "rcx", rcx, other.rcx);
        number(text, "rdx", rdx, other.rdx);
        number(text, "rbx", rbx, other.rbx);
        number(text, "flags", flags & ARITHMETIC_FLAGS, other.flags & ARITHMETIC_FLAGS);
        return text.toString();
    }

    private static void number(StringBuilder text, String name, long mine, long theirs) {
        if (mine != theirs) {
            text.append(" %s=%x/%x".formatted(name, mine, theirs));
        }
    }

    /** The x87 side of this case in readable form. */
    public String describeX87() {
        StringBuilder text = new StringBuilder(
                "fcw=%04x fsw=%04x ftw=%02x".formatted(fpu.fcw, fpu.statusWord(), fpu.ftw));
        for (int i = 0; i < 2; i++) {
            int register = fpu.physical(i);
            text.append(" st%d=%04x:%016x%s".formatted(i, fpu.signExponent[register], fpu.significand[register],
                    fpu.isEmpty(i) ? "(empty)" : ""));
        }
        return text.append(" st7").append(fpu.isEmpty(7) ? "(empty)" : "(used)")
                .append(" memory=%016x:%016x".formatted(memory[1], memory[0])).toString();
    }

    /** The vector side of this case in readable form. */
    public String describeVector() {
        return ("mxcsr=%04x xmm0=%016x_%016x xmm1=%016x_%016x mm0=%016x mm1=%016x memory=%016x_%016x rax=%x rcx=%x "
                + "rdx=%x").formatted(fpu.mxcsr, fpu.xmm[1], fpu.xmm[0], fpu.xmm[3], fpu.xmm[2], fpu.significand[0],
                        fpu.significand[1], memory[1], memory[0], rax, rcx, rdx);
    }
}
