package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * A string instruction with or without REP.
 *
 * <p>
 * Repetitions are executed in runs that end at a page; after each run the registers are up to date, so that a fault, an
 * interrupt or a single step finds the instruction between two repetitions, as the architecture demands.
 */
abstract class StringOp extends Op {

    /** Not repeated. */
    static final int ONCE = 0;
    /** REP or REPE. */
    static final int WHILE_EQUAL = 1;
    /** REPNE. */
    static final int WHILE_NOT_EQUAL = 2;

    final int size;
    final int s;
    final long mask;
    final int addressWidth;
    final int repeat;
    final int segment;

    StringOp(Instruction in, long ip, long nextIp, int operand) {
        this.ip = ip;
        this.nextIp = nextIp;
        OperandKind kind = in.form.operands().get(operand);
        size = kind.bytes(in);
        s = Width.of(size);
        addressWidth = Width.of(in.addressSize);
        mask = -1L >>> addressWidth;
        repeat = in.has(Instruction.PREFIX_REPNE) ? WHILE_NOT_EQUAL
                : in.has(Instruction.PREFIX_REP) ? WHILE_EQUAL : ONCE;
        segment = in.segmentPrefix >= 0 ? in.segmentPrefix : Segments.DS;
    }

    /** An instruction like these that has no prefixes and works on bytes: XLAT. */
    StringOp(Instruction in, long ip, long nextIp) {
        this.ip = ip;
        this.nextIp = nextIp;
        size = 1;
        s = Width.BYTE;
        addressWidth = Width.of(in.addressSize);
        mask = -1L >>> addressWidth;
        repeat = ONCE;
        segment = in.segmentPrefix >= 0 ? in.segmentPrefix : Segments.DS;
    }

    /**
     * Executes up to {@code most} repetitions, at least one, and moves rSI and rDI.
     *
     * @return how many; negated if the condition of REPE or REPNE ended them
     */
    abstract long run(Cpu c, long most);

    @Override
    public final @Nullable Op execute(Cpu c) {
        if (repeat == ONCE) {
            run(c, 1);
            return next;
        }
        long count = c.gpr[1] & mask;
        while (count != 0) {
            long done = run(c, c.stepping ? 1 : count);
            boolean ended = done < 0;
            count -= ended ? -done : done;
            Width.set(c.gpr, addressWidth, 1, count);
            if (ended || count == 0) {
                break;
            }
            if (c.attention != 0 || c.stepping) {
                c.rip = ip;
                return null;
            }
        }
        return next;
    }

    final long sourceOffset(Cpu c) {
        return c.gpr[6] & mask;
    }

    final long targetOffset(Cpu c) {
        return c.gpr[7] & mask;
    }

    final long source(Cpu c) {
        return Segmentation.linear(c, segment, sourceOffset(c), size, false);
    }

    final long target(Cpu c, boolean write) {
        return Segmentation.linear(c, Segments.ES, targetOffset(c), size, write);
    }

    /** How far rSI and rDI move in one repetition. */
    final int stride(Cpu c) {
        return (c.flags & Flags.DF) != 0 ? -size : size;
    }

    final void moveSource(Cpu c, long bytes) {
        Width.set(c.gpr, addressWidth, 6, c.gpr[6] + bytes);
    }

    final void moveTarget(Cpu c, long bytes) {
        Width.set(c.gpr, addressWidth, 7, c.gpr[7] + bytes);
    }

    /** Whether addresses in {@code segment} need no check but that of the first. */
    static boolean isFlat(Cpu c, int segment, boolean write) {
        return c.codeSize == 64 || (c.segmentFlat[segment] & (write ? 2 : 1)) != 0;
    }

    /** How many of {@code most} elements upwards from {@code linear} lie in its page, before the offset wraps. */
    final long inPage(long linear, long offset, long most) {
        long elements = Math.min(most, (4096 - (linear & 4095)) / size);
        return mask == -1L ? elements : Math.min(elements, (mask + 1 - offset) / size);
    }
}
