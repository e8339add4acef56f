package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Decoder;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind.Place;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Chooses what becomes a region: from a hot block along its successors, the most executed first, as long as they are about
 * as hot and the method stays small enough for the just-in-time compiler. Belongs to the processor's thread.
 */
final class RegionPlanner {

    /** About 30 bytes of bytecode each; HotSpot compiles no method of more than 8000. */
    static final int MOST_INSTRUCTIONS = 300;
    private static final int FEWEST_INSTRUCTIONS = 5;
    private static final int MOST_ENTRIES = 8;
    /** A successor belongs to the region if it was executed at least once in so many times. */
    private static final int COLDNESS = 32;

    private final Cpu c;
    private final boolean checked;
    private final Decoder decoder = new Decoder();
    private final Instruction instruction = new Instruction();

    /** @param checked whether the regions are to be compared with the interpreter */
    RegionPlanner(Cpu c, boolean checked) {
        this.c = c;
        this.checked = checked;
    }

    private AccessKind access() {
        return checked ? AccessKind.LOGGED : c.alone ? AccessKind.PLAIN : AccessKind.ORDERED;
    }

    /**
     * The region that begins with {@code entry}, or {@code null} if there is nothing to win.
     *
     * @param distant whether its accesses may be calls, see {@link DistantAccess}
     */
    @Nullable
    RegionPlan plan(Block entry, boolean distant) {
        if (c.codeSize != 64 || c.stepping) {
            return null;
        }
        var parts = new ArrayList<RegionPlan.Part>();
        var ops = new ArrayList<Op>();
        Set<Long> seen = new HashSet<>();
        var candidates = new PriorityQueue<Block>(Comparator.comparingLong((Block block) -> -block.executions));
        candidates.add(entry);
        seen.add(entry.ip);
        long coldest = entry.executions / COLDNESS;
        int total = 0;
        int useful = 0;
        boolean loops = false;
        while (!candidates.isEmpty()) {
            Block block = parts.isEmpty() ? entry : candidates.remove();
            if (parts.isEmpty()) {
                candidates.clear();
            }
            if (total + block.count > MOST_INSTRUCTIONS || block.crossesPage()) {
                if (parts.isEmpty()) {
                    return null;
                }
                continue;
            }
            List<Instruction> instructions = decode(block);
            if (instructions == null) {
                if (parts.isEmpty()) {
                    return null;
                }
                continue;
            }
            int first = ops.size();
            int translatable = translatable(instructions, block.decoded);
            if (translatable == 0 && parts.isEmpty()) {
                return null;
            }
            addOps(block, ops);
            List<Long> successors = translatable < instructions.size() ? List.of()
                    : successors(block, instructions.getLast(), ops.get(first + block.count - 1));
            parts.add(new RegionPlan.Part(block, instructions, first, successors));
            total += block.count;
            useful += translatable;
            for (long target : successors) {
                loops |= seen.contains(target);
                Block next = c.at(target);
                if (next != null && next.executions >= coldest && seen.add(target)) {
                    candidates.add(next);
                }
            }
        }
        if (useful < FEWEST_INSTRUCTIONS && !loops) {
            return null;
        }
        return new RegionPlan(c, c.cpl == 3, access(), distant && !checked, List.copyOf(parts), entries(parts),
                ops.toArray(Op[]::new));
    }

    /**
     * Where the region is likely to be entered again after it was left in its midst: the heads of its loops, and where
     * calls of functions outside come back. The hottest of them.
     */
    private static List<Integer> entries(List<RegionPlan.Part> parts) {
        var byAddress = new HashMap<Long, Integer>();
        for (int i = 0; i < parts.size(); i++) {
            byAddress.put(parts.get(i).block().ip, i);
        }
        Set<Integer> found = new TreeSet<>(); // in the order of the parts, which is that of their heat
        for (RegionPlan.Part part : parts) {
            boolean call = part.last().form.mnemonic() == Mnemonic.CALL;
            for (long ip : part.successors()) {
                Integer to = byAddress.get(ip);
                boolean back = ip <= part.block().ip;
                boolean behindCall = call && ip == part.behind()
                        && (part.successors().size() < 2 || !byAddress.containsKey(part.successors().getFirst()));
                if (to != null && to != 0 && (back || behindCall)) {
                    found.add(to);
                }
            }
        }
        var entries = new ArrayList<Integer>();
        entries.add(0);
        found.stream().limit(MOST_ENTRIES - 1).forEach(entries::add);
        return List.copyOf(entries);
    }

    /** How many instructions from the first on need not be left to the interpreter. */
    private int translatable(List<Instruction> instructions, Op first) {
        int count = 0;
        Op op = first;
        for (Instruction in : instructions) {
            if (op == null || Effects.of(in, op, access()).kind() == Effects.Kind.INTERPRETER) {
                break;
            }
            op = op.next;
            count++;
        }
        return count;
    }

    private static void addOps(Block block, List<Op> ops) {
        Op op = block.decoded;
        while (op != null) {
            ops.add(op);
            op = op.endsBlock() ? null : op.next;
        }
    }

    private @Nullable List<Instruction> decode(Block block) {
        byte[] code = block.code();
        var instructions = new ArrayList<Instruction>(block.count);
        int at = 0;
        Op op = block.decoded;
        while (at < code.length) {
            int length = decoder.decode(code, at, code.length, 64, instruction);
            if (length <= 0 || op == null || op.ip != block.ip + at) {
                return null;
            }
            instructions.add(instruction.copy());
            at += length;
            op = op.next;
        }
        return instructions.size() == block.count ? instructions : null;
    }

    /** Where control can go from {@code block}, as far as the code itself tells, and what was seen of indirect branches. */
    private static List<Long> successors(Block block, Instruction last, Op op) {
        long behind = block.ip + block.code().length;
        boolean relative = !last.form.operands().isEmpty()
                && last.form.operands().getFirst().place() == Place.RELATIVE;
        var result = new ArrayList<Long>();
        Mnemonic mnemonic = last.form.mnemonic();
        if (relative && mnemonic != Mnemonic.JRCXZ && mnemonic != Mnemonic.LOOP && mnemonic != Mnemonic.LOOPE
                && mnemonic != Mnemonic.LOOPNE) {
            result.add(behind + last.immediate);
        }
        for (long target : op.targets()) {
            result.add(target);
        }
        if (mnemonic != Mnemonic.JMP && mnemonic != Mnemonic.RET) {
            result.add(behind);
        }
        return List.copyOf(result);
    }
}
