package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import org.jspecify.annotations.Nullable;

/** An instruction with a target that is known when it is decoded, and which remembers the block there. */
abstract class BranchOp extends TemplateOp {

    long target;
    private @Nullable Block targetBlock;
    private @Nullable Block nextBlock;

    @Override
    public final boolean endsBlock() {
        return true;
    }

    /** Goes to the target. */
    final @Nullable Op taken(Cpu c) {
        Block block = targetBlock;
        if (block != null && block.stamp == c.stamp && c.attention == 0) {
            return block.enter(c);
        }
        targetBlock = c.at(target);
        return c.enter(target);
    }

    /** Goes to the next instruction. */
    final @Nullable Op notTaken(Cpu c) {
        Block block = nextBlock;
        if (block != null && block.stamp == c.stamp && c.attention == 0) {
            return block.enter(c);
        }
        nextBlock = c.at(nextIp);
        return c.enter(nextIp);
    }

    /** The target of a relative branch of {@code operandSize} bytes. */
    static long relative(long nextIp, long displacement, int codeSize, int operandSize) {
        long target = nextIp + displacement;
        return codeSize == 64 ? target : operandSize == 2 ? target & 0xFFFF : target & 0xFFFF_FFFFL;
    }
}
