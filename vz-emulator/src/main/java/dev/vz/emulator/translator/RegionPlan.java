package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import java.util.ArrayList;
import java.util.List;

/**
 * What is to become a region. Does not change any more once it leaves the processor's thread, and nothing of it is changed
 * by that thread either: block codes and instructions are copies.
 *
 * @param cpu whose code it is; only its arrays' identities are used by other threads
 * @param user whether the code runs at privilege level 3
 * @param access how memory is accessed
 * @param distant whether accesses are calls, see {@link DistantAccess}
 * @param parts the blocks, the entry first
 * @param entries indices of the parts at which it can be entered, 0 first
 * @param ops the interpreter's instructions, those of all blocks one after the other
 */
record RegionPlan(Cpu cpu, boolean user, AccessKind access, boolean distant, List<Part> parts, List<Integer> entries,
        Op[] ops) {

    /**
     * One block.
     *
     * @param first index of its first instruction in {@link #ops}
     * @param successors instruction pointers at which control can go on, as far as is known; where it falls is the last
     */
    record Part(Block block, List<Instruction> instructions, int first, List<Long> successors) {

        Instruction last() {
            return instructions.getLast();
        }

        /** Instruction pointer behind the block. */
        long behind() {
            return ipBehind(instructions.size() - 1);
        }

        /** Instruction pointer behind instruction {@code i} of the block. */
        long ipBehind(int i) {
            long ip = block.ip;
            for (int j = 0; j <= i; j++) {
                ip += instructions.get(j).length;
            }
            return ip;
        }
    }

    Block entry() {
        return parts.getFirst().block();
    }

    List<Block> blocks() {
        var blocks = new ArrayList<Block>(parts.size());
        for (Part part : parts) {
            blocks.add(part.block());
        }
        return blocks;
    }

    /** The same with the first three quarters of the parts, which are the hottest. */
    RegionPlan shorter() {
        if (parts.size() == 1) {
            throw new IllegalStateException("A block of " + parts.getFirst().instructions().size()
                    + " instructions does not fit into a method");
        }
        int count = Math.max(1, parts.size() * 3 / 4);
        return new RegionPlan(cpu, user, access, distant, parts.subList(0, count),
                entries.stream().filter(part -> part < count).toList(), ops);
    }

    /** Index of the part that begins at {@code ip}, or -1. */
    int find(long ip) {
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i).block().ip == ip) {
                return i;
            }
        }
        return -1;
    }
}
