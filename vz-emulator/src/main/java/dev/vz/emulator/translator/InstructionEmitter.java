package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the instructions of a region that become bytecode, and the jumps between its blocks. A jump backwards, in the
 * order of writing, looks at the budget: so every cycle does.
 */
final class InstructionEmitter {

    private static final int RSP = local(4);
    private static final int NOT_SEEN = -2;
    private static final ClassDesc CPU_CLASS = ClassDesc.of("dev.vz.emulator.cpu.Cpu");
    private static final MethodTypeDesc AT_ADDRESS = MethodTypeDesc.of(ClassDesc.of("dev.vz.emulator.cpu.Block"),
            ConstantDescs.CD_long);

    private final Emitter e;
    private final CodeBuilder code;
    private final LazyFlags flags;
    private final RegionPlan plan;
    private final Label leave;
    /** Where the region is left for the block in {@link Emitter#NEXT}. */
    private final Label leaveFor;
    /** The ways out to places that the code names. */
    private final Map<Long, Label> exits = new LinkedHashMap<>();
    private final ArithmeticEmitter arithmetic;
    private final ShiftEmitter shifts;
    private final MoveEmitter moves;
    private final VectorEmitter vectors;

    private final Label[] starts;
    private final int[] order;
    private final int[] position;
    /** What is known of the flags where a part begins, from the jumps to it so far. */
    private final int[] knownAtStart;
    /** Parts at which calls of the region return. */
    private final List<Integer> returns = new ArrayList<>();
    private int current;

    InstructionEmitter(Emitter e, LazyFlags flags, RegionPlan plan, Label leave, Label leaveFor) {
        this.e = e;
        code = e.code;
        this.flags = flags;
        this.plan = plan;
        this.leave = leave;
        this.leaveFor = leaveFor;
        arithmetic = new ArithmeticEmitter(e, flags);
        shifts = new ShiftEmitter(e, flags, arithmetic);
        moves = new MoveEmitter(e, flags);
        vectors = new VectorEmitter(e, flags);
        int count = plan.parts().size();
        starts = new Label[count];
        knownAtStart = new int[count];
        for (int i = 0; i < count; i++) {
            starts[i] = code.newLabel();
            knownAtStart[i] = NOT_SEEN;
        }
        for (int part : plan.entries()) {
            knownAtStart[part] = LazyFlags.UNKNOWN;
        }
        order = new int[count];
        position = new int[count];
        arrange();
    }

    /** Behind each part the one into which it falls, if it is still to be placed. */
    private void arrange() {
        var placed = new boolean[order.length];
        int next = 0;
        for (int i = 0; i < order.length; i++) {
            placed[next] = true;
            order[i] = next;
            position[next] = i;
            List<Long> successors = plan.parts().get(next).successors();
            int follower = successors.isEmpty() ? -1 : plan.find(successors.getLast());
            if (follower < 0 || placed[follower]) {
                follower = 0;
                while (follower < placed.length && placed[follower]) {
                    follower++;
                }
            }
            next = follower;
        }
        for (int part = 0; part < order.length; part++) {
            RegionPlan.Part from = plan.parts().get(part);
            for (long ip : from.successors()) {
                int to = plan.find(ip);
                if (to >= 0 && position[to] <= position[part]) {
                    knownAtStart[to] = LazyFlags.UNKNOWN;
                }
            }
            int behind = plan.find(from.behind());
            if (from.last().form.mnemonic() == Mnemonic.CALL && behind >= 0) {
                knownAtStart[behind] = LazyFlags.UNKNOWN;
                returns.add(behind);
            }
        }
    }

    /** The parts in the order in which they are to be written. */
    int[] order() {
        return order;
    }

    /** Pops the number of the part with which to begin, and goes there; the first is also behind this. */
    void dispatch() {
        var cases = new ArrayList<SwitchCase>();
        for (int part : plan.entries()) {
            cases.add(SwitchCase.of(part, starts[part]));
        }
        code.lookupswitch(starts[0], cases);
    }

    /** A part begins. */
    void begin(int part) {
        current = part;
        e.bind(starts[part]);
        flags.known = knownAtStart[part] == NOT_SEEN ? LazyFlags.UNKNOWN : knownAtStart[part];
    }

    /** A part is written; if it does not end with a branch it goes on behind itself. */
    void end(RegionPlan.Part part) {
        Instruction last = part.last();
        switch (last.form.mnemonic()) {
            case JCC, JMP, CALL, RET -> {
                // has gone on already
            }
            default -> {
                // The interpreter has an instruction of its own for this, behind the last.
                e.at(part.first() + part.instructions().size());
                go(part.behind());
            }
        }
    }

    // ---- jumps

    private void arrive(int part) {
        int known = knownAtStart[part];
        knownAtStart[part] = known == NOT_SEEN || known == flags.known ? flags.known : LazyFlags.UNKNOWN;
    }

    private boolean isBackward(int part) {
        return position[part] <= position[current];
    }

    /**
     * Leaves for the block at the address on the stack; if it is not at hand, leaves with the instruction that
     * {@link Emitter#at} told of last.
     */
    private void find() {
        code.lstore(T3).aload(CPU).lload(T3).invokevirtual(CPU_CLASS, "at", AT_ADDRESS);
        code.dup().astore(NEXT).ifnull(leave);
    }

    /** The way out to {@code ip}. */
    private Label exit(long ip) {
        return exits.computeIfAbsent(ip, address -> code.newLabel());
    }

    /** Writes the ways out, which are out of the way of what is executed more often. */
    void exits() {
        exits.forEach((ip, label) -> {
            code.labelBinding(label);
            e.constant(ip);
            find();
            code.goto_(leaveFor);
        });
    }

    /** Goes on at {@code ip}; if that is outside, leaves for it. */
    private void go(long ip) {
        int part = plan.find(ip);
        if (part < 0) {
            code.goto_(exit(ip));
            return;
        }
        arrive(part);
        if (isBackward(part)) {
            code.iload(BUDGET).iflt(leave);
        }
        code.goto_(starts[part]);
    }

    private void branch(Instruction in, long behind) {
        int target = plan.find(behind + in.immediate);
        if (target >= 0 && !isBackward(target)) {
            arrive(target);
            flags.jumpIf(in.condition(), starts[target]);
        } else if (target < 0) {
            flags.jumpIf(in.condition(), exit(behind + in.immediate));
        } else {
            Label back = code.newLabel();
            Label not = code.newLabel();
            flags.jumpIf(in.condition(), back);
            code.goto_(not);
            code.labelBinding(back);
            go(behind + in.immediate);
            code.labelBinding(not);
        }
        go(behind);
    }

    private void call(Instruction in, long behind) {
        if (!isRelative(in)) {
            indirect(in, behind, true);
            return;
        }
        int target = plan.find(behind + in.immediate);
        if (target < 0) {
            e.constant(behind + in.immediate);
            find();
            pushReturn(behind);
            code.goto_(leaveFor);
            return;
        }
        if (isBackward(target)) {
            code.iload(BUDGET).iflt(leave);
        }
        arrive(target);
        pushReturn(behind);
        code.goto_(starts[target]);
    }

    private void pushReturn(long behind) {
        e.constant(behind);
        code.lload(RSP);
        e.constant(8L);
        code.lsub().dup2().lstore(T1);
        e.store(0);
        code.lload(T1).lstore(RSP);
    }

    private static boolean isRelative(Instruction in) {
        return in.form.operands().getFirst().place() == OperandKind.Place.RELATIVE;
    }

    /** Goes to one of the places to which the branch has gone before, if it goes there; else leaves for where it goes. */
    private void indirect(Instruction in, long behind, boolean call) {
        var inside = new TreeMap<Integer, Integer>();
        long reference = plan.parts().get(current).block().ip;
        for (long ip : plan.parts().get(current).successors()) {
            int part = plan.find(ip);
            long distance = ip - reference;
            if (part >= 0 && (int) distance == distance && !(call && ip == behind)) {
                inside.put((int) distance, part);
            }
        }
        if (!inside.isEmpty()) {
            code.iload(BUDGET).iflt(leave);
        }
        if (in.memory) {
            e.address(in, behind);
            e.load(0);
        } else {
            e.get(in.rm);
        }
        if (inside.isEmpty()) {
            leaveByTarget(behind, call);
            return;
        }
        e.constant(reference);
        code.lsub().dup2().lstore(T0).l2i();
        var cases = new ArrayList<SwitchCase>();
        for (int distance : inside.keySet()) {
            cases.add(SwitchCase.of(distance, code.newLabel()));
        }
        Label outside = code.newLabel();
        code.lookupswitch(outside, cases);
        int next = 0;
        for (var entry : inside.entrySet()) {
            code.labelBinding(cases.get(next++).target());
            code.lload(T0);
            e.constant((long) entry.getKey());
            code.lcmp().ifne(outside);
            if (call) {
                pushReturn(behind);
            }
            int part = entry.getValue();
            arrive(part);
            code.goto_(starts[part]);
        }
        code.labelBinding(outside);
        code.lload(T0);
        e.constant(reference);
        code.ladd();
        leaveByTarget(behind, call);
    }

    /** Leaves for the place on the stack. */
    private void leaveByTarget(long behind, boolean call) {
        find();
        if (call) {
            pushReturn(behind);
        }
        code.goto_(leaveFor);
    }

    private void jump(Instruction in, long behind) {
        if (isRelative(in)) {
            go(behind + in.immediate);
        } else {
            indirect(in, behind, false);
        }
    }

    private void ret(Instruction in) {
        if (!returns.isEmpty()) {
            code.iload(BUDGET).iflt(leave);
        }
        code.lload(RSP);
        e.load(0);
        code.lstore(T0);
        int extra = 8 + ((int) in.immediate & 0xFFFF);
        for (int part : returns) {
            Label other = code.newLabel();
            code.lload(T0);
            e.constant(plan.parts().get(part).block().ip);
            code.lcmp().ifne(other);
            moves.moveStack(extra);
            code.goto_(starts[part]);
            code.labelBinding(other);
        }
        code.lload(T0);
        find();
        moves.moveStack(extra);
        code.goto_(leaveFor);
    }

    // ---- instructions

    /** Writes one instruction. */
    void write(Instruction in, int index, long behind, boolean live) {
        if (VectorEmitter.knows(in)) {
            vectors.write(in, behind);
            return;
        }
        switch (in.form.mnemonic()) {
            case MOV, MOVNTI -> moves.mov(in, behind);
            case MOVZX, MOVSX, MOVSXD -> moves.extend(in, behind);
            case LEA -> moves.lea(in, behind);
            case ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST -> arithmetic.binary(in, behind, live);
            case INC, DEC, NOT, NEG -> arithmetic.unary(in, behind, live);
            case IMUL -> {
                if (in.form.operands().size() == 1) {
                    arithmetic.wholeProduct(in, behind, live);
                } else {
                    arithmetic.truncatedProduct(in, behind, live);
                }
            }
            case MUL -> arithmetic.wholeProduct(in, behind, live);
            case SHL, SHR, SAR, ROL, ROR -> shifts.shift(in, behind, live);
            case BT -> shifts.bitTest(in, live);
            case BSF, BSR -> shifts.scan(in, behind, live);
            case BSWAP -> shifts.byteSwap(in);
            case XCHG -> moves.exchange(in);
            case CBW -> moves.widenAccumulator(in);
            case CWD -> moves.signIntoData(in);
            case PUSH -> moves.push(in);
            case POP -> moves.pop(in);
            case LEAVE -> moves.leave();
            case SETCC -> moves.setByCondition(in, behind);
            case CMOVCC -> moves.moveByCondition(in, behind);
            case JCC -> branch(in, behind);
            case JMP -> jump(in, behind);
            case CALL -> call(in, behind);
            case RET -> ret(in);
            case HINT, ENDBR64, PAUSE, PREFETCHW, PREFETCHNTA, PREFETCHT0, PREFETCHT1, PREFETCHT2 -> {
                // nothing to do
            }
            default -> throw new IllegalStateException("There is no bytecode for " + in.form.mnemonic()
                    + ", instruction " + index + " of a region");
        }
    }
}
