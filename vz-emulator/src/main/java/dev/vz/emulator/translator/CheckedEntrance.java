package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Begins a region and checks it: what it has done is undone, the interpreter does the same again, and both must have come to
 * the same place with the same registers, flags and memory. What counts in the end is what the interpreter has done.
 */
final class CheckedEntrance extends Op {

    /** Executions of each entrance that are checked; each takes some ten times as long as without. */
    private static final int CHECKS = 100;

    private final Region region;
    private final int part;
    private final Block block;
    private final LockstepReport report;
    private final Saved before = new Saved();
    private final Saved translated = new Saved();
    private int checked;

    CheckedEntrance(Region region, int part, Block block, LockstepReport report) {
        this.region = region;
        this.part = part;
        this.block = block;
        this.report = report;
        ip = block.ip;
        nextIp = block.ip;
    }

    /** The registers that regions know. */
    private static final class Saved {
        private final long[] registers = new long[16];
        private final long[] vectors = new long[32];
        private long zero;
        private long sign;
        private long carry;
        private int flags;
        private int mxcsr;

        void take(Cpu c) {
            System.arraycopy(c.gpr, 0, registers, 0, 16);
            System.arraycopy(c.fpu.xmm, 0, vectors, 0, 32);
            zero = c.flagZero;
            sign = c.flagSign;
            carry = c.flagCarry;
            flags = Flags.get(c);
            mxcsr = c.fpu.mxcsr;
        }

        void putBack(Cpu c) {
            System.arraycopy(registers, 0, c.gpr, 0, 16);
            System.arraycopy(vectors, 0, c.fpu.xmm, 0, 32);
            c.flagZero = zero;
            c.flagSign = sign;
            c.flagCarry = carry;
            c.fpu.mxcsr = mxcsr;
        }

        boolean isLike(Cpu c) {
            return Arrays.equals(registers, 0, 16, c.gpr, 0, 16) && Arrays.equals(vectors, 0, 32, c.fpu.xmm, 0, 32)
                    && flags == Flags.get(c) && mxcsr == c.fpu.mxcsr;
        }
    }

    @Override
    public Op current() {
        return region.current();
    }

    @Override
    public @Nullable Op execute(Cpu c) {
        if (c.vectorsOff) {
            return block.decoded;
        }
        region.start = part;
        if (checked >= CHECKS) {
            StoreLog.ofThread().clear();
            return region.execute(c);
        }
        checked++;
        StoreLog log = StoreLog.ofThread();
        log.clear();
        before.take(c);
        long executed = region.executed();
        @Nullable
        Op next;
        boolean threw = false;
        try {
            next = region.execute(c);
        } catch (RuntimeException exception) {
            next = region.current(); // the interpreter meets the same when it goes on there
            threw = true;
        }
        long position = next == null ? c.rip : next.ip;
        long instructions = region.executed() - executed;
        translated.take(c);
        log.undo();
        before.putBack(c);
        if (instructions > 0) {
            replay(c, instructions, position);
        }
        if (!translated.isLike(c) || !log.isRedone()) {
            throw differ(c, "the registers or the memory", instructions, position);
        }
        report.compared(instructions);
        if (next == null) {
            c.rip = position;
        }
        return threw ? region.current() : next;
    }

    /** The interpreter's turn: so many instructions, counted as regions do by whole blocks, and then to {@code position}. */
    @SuppressWarnings("ReferenceEquality") // an instruction is nothing but itself
    private void replay(Cpu c, long instructions, long position) {
        Block now = block;
        Op op = block.decoded;
        long count = block.count;
        while (count != instructions || op.ip != position) {
            Op result = op.execute(c);
            long at = result == null ? c.rip : result.ip;
            if (result == op.next && result != null && !op.endsBlock() && at != endOf(now)) {
                op = result;
                continue;
            }
            if (count == instructions && at == position) {
                return;
            }
            Block following = region.find(at);
            if (following == null || count > instructions) {
                throw differ(c, "the place, " + Long.toHexString(at) + " instead", instructions, position);
            }
            now = following;
            op = now.decoded;
            count += now.count;
        }
    }

    private static long endOf(Block block) {
        return block.ip + block.code().length;
    }

    private IllegalStateException differ(Cpu c, String what, long instructions, long position) {
        var text = new StringBuilder("The translation of the code at 0x" + Long.toHexString(block.ip) + " differs from "
                + "the interpreter in " + what + " after " + instructions + " instructions, at 0x"
                + Long.toHexString(position) + ":");
        for (int i = 0; i < 16; i++) {
            text.append(String.format(" r%d=%x/%x/%x", i, before.registers[i], translated.registers[i], c.gpr[i]));
        }
        return new IllegalStateException(
                text + String.format(" flags=%x/%x/%x", before.flags, translated.flags, Flags.get(c)));
    }
}
