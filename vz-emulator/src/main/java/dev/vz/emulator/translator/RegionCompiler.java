package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.decode.Instruction;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes the class of a region. Its method loads the guest's registers into local variables, runs block after block with
 * jumps between them, and has one way out: everything back to the processor, and the interpreter's instruction to go on
 * with. Whatever is thrown goes that way, too, so that no instruction needs code of its own for its faults.
 */
final class RegionCompiler {

    private static final ClassDesc SELF = ClassDesc.of("dev.vz.emulator.translator.Translated");
    private static final ClassDesc REGION = ClassDesc.of("dev.vz.emulator.translator.Region");
    private static final ClassDesc PLAN = ClassDesc.of("dev.vz.emulator.translator.RegionPlan");
    private static final ClassDesc CACHE = ClassDesc.of("dev.vz.emulator.translator.RegionCache");
    private static final ClassDesc CPU_CLASS = ClassDesc.of("dev.vz.emulator.cpu.Cpu");
    private static final ClassDesc OP = ClassDesc.of("dev.vz.emulator.cpu.Op");
    private static final ClassDesc MISS = ClassDesc.of("dev.vz.emulator.translator.GuestAccess$Miss");
    private static final ClassDesc STATE = ClassDesc.of("dev.vz.emulator.fpu.FpuState");
    private static final ClassDesc OBJECTS = ConstantDescs.CD_Object.arrayType();
    private static final MethodTypeDesc EXECUTE = MethodTypeDesc.of(OP, CPU_CLASS);
    private static final MethodTypeDesc ENTER = MethodTypeDesc.of(OP, ClassDesc.of("dev.vz.emulator.cpu.Block"));
    private static final MethodTypeDesc MAKE = MethodTypeDesc.of(ConstantDescs.CD_void, PLAN, CACHE);
    /** HotSpot compiles no longer method. */
    private static final int MOST_BYTES = 7990;
    private static final int FIXED = 6;

    private final RegionPlan plan;
    private final RegionCache cache;
    private final Effects[][] effects;
    private final FlagLiveness liveness;
    /** Registers kept in local variables, and those of them that change. */
    private int kept;
    private int changed;
    private boolean sse;
    /** Indices of the interpreter's operations that are called. */
    private final List<Integer> called = new ArrayList<>();

    private RegionCompiler(RegionPlan plan, RegionCache cache) {
        this.plan = plan;
        this.cache = cache;
        effects = new Effects[plan.parts().size()][];
        for (int i = 0; i < effects.length; i++) {
            effects[i] = effects(plan.parts().get(i));
        }
        liveness = new FlagLiveness(plan, effects);
    }

    private Effects[] effects(RegionPlan.Part part) {
        List<Instruction> instructions = part.instructions();
        var result = new Effects[instructions.size()];
        boolean reached = true;
        for (int i = 0; i < result.length; i++) {
            Instruction in = instructions.get(i);
            Effects effect = Effects.of(in, plan.ops()[part.first() + i], plan.access());
            result[i] = effect;
            reached &= effect.kind() != Effects.Kind.INTERPRETER;
            if (!reached) {
                continue;
            }
            sse |= Effects.isSse(in);
            if (effect.kind() == Effects.Kind.BYTECODE) {
                kept |= effect.uses() | effect.defines();
                changed |= effect.defines();
            } else {
                called.add(part.first() + i);
            }
        }
        return result;
    }

    /** Makes the region of {@code plan}, or of its first parts if it is too long. */
    static Region make(RegionPlan plan, RegionCache cache) {
        RegionPlan fitting = plan;
        while (true) {
            var compiler = new RegionCompiler(fitting, cache);
            byte[] bytes = compiler.generate();
            if (length(bytes) <= MOST_BYTES) {
                return compiler.define(bytes);
            }
            fitting = fitting.shorter();
        }
    }

    private static int length(byte[] bytes) {
        return ClassFile.of().parse(bytes).methods().stream()
                .filter(method -> method.methodName().equalsString("execute"))
                .findFirst().flatMap(method -> method.findAttribute(Attributes.code())).orElseThrow().codeLength();
    }

    private byte[] generate() {
        return ClassFile.of().build(SELF, builder -> {
            builder.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC).withSuperclass(REGION);
            for (String name : List.of("REGISTERS", "READ", "WRITE", "SEGMENTS")) {
                builder.withField(name, LONGS, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
            }
            builder.withField("VECTORS", LONGS, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
            builder.withField("STATE", STATE, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
            for (int index : called) {
                builder.withField("OP" + index, OP, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
            }
            builder.withMethodBody(ConstantDescs.CLASS_INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_STATIC,
                    this::constants);
            builder.withMethodBody(ConstantDescs.INIT_NAME, MAKE, 0, code -> code.aload(0).aload(1).aload(2)
                    .invokespecial(REGION, ConstantDescs.INIT_NAME, MAKE).return_());
            builder.withMethodBody("execute", EXECUTE, ClassFile.ACC_PUBLIC, this::body);
        });
    }

    private Region define(byte[] bytes) {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup().defineHiddenClassWithClassData(bytes, data(), true);
            return (Region) lookup.lookupClass().getDeclaredConstructor(RegionPlan.class, RegionCache.class)
                    .newInstance(plan, cache);
        } catch (ReflectiveOperationException ex) {
            throw new IllegalStateException("Making the class of a region", ex);
        }
    }

    // ---- constants

    private Object[] data() {
        Cpu c = plan.cpu();
        var data = new Object[FIXED + called.size()];
        data[0] = c.gpr;
        data[1] = (plan.user() ? c.mmu.userRead : c.mmu.supervisorRead).entries;
        data[2] = (plan.user() ? c.mmu.userWrite : c.mmu.supervisorWrite).entries;
        data[3] = c.segmentBase;
        data[4] = c.fpu.xmm;
        data[5] = c.fpu;
        for (int i = 0; i < called.size(); i++) {
            data[FIXED + i] = plan.ops()[called.get(i)];
        }
        return data;
    }

    private void constants(CodeBuilder code) {
        code.invokestatic(ConstantDescs.CD_MethodHandles, "lookup",
                MethodTypeDesc.of(ConstantDescs.CD_MethodHandles_Lookup));
        code.invokestatic(REGION, "data", MethodTypeDesc.of(OBJECTS, ConstantDescs.CD_MethodHandles_Lookup));
        code.astore(0);
        List<String> arrays = List.of("REGISTERS", "READ", "WRITE", "SEGMENTS", "VECTORS");
        for (int i = 0; i < arrays.size(); i++) {
            code.aload(0).loadConstant(i).aaload().checkcast(LONGS).putstatic(SELF, arrays.get(i), LONGS);
        }
        code.aload(0).loadConstant(arrays.size()).aaload().checkcast(STATE).putstatic(SELF, "STATE", STATE);
        for (int i = 0; i < called.size(); i++) {
            code.aload(0).loadConstant(FIXED + i).aaload().checkcast(OP);
            code.putstatic(SELF, "OP" + called.get(i), OP);
        }
        code.return_();
    }

    // ---- the method

    private void body(CodeBuilder code) {
        new Body(code).write();
    }

    /** The writing of the method. */
    private final class Body {
        private final CodeBuilder code;
        private final Emitter e;
        private final LazyFlags flags;
        private final InstructionEmitter instructions;
        private final Label leave;
        private final Label leaveFor;
        private final Label threw;

        Body(CodeBuilder code) {
            this.code = code;
            e = new Emitter(code, SELF, plan.access(), plan.distant());
            flags = new LazyFlags(e);
            leave = code.newLabel();
            leaveFor = code.newLabel();
            threw = code.newLabel();
            instructions = new InstructionEmitter(e, flags, plan, leave, leaveFor);
        }

        void write() {
            Label start = code.newLabel();
            Label end = code.newLabel();
            Label caught = code.newLabel();
            enter();
            code.labelBinding(start);
            for (int part : instructions.order()) {
                part(part);
            }
            code.labelBinding(end);
            code.exceptionCatchAll(start, end, caught);
            flags.known = LazyFlags.UNKNOWN;
            instructions.exits();
            code.labelBinding(leaveFor);
            spill(changed);
            flags.spill();
            count();
            code.aload(CPU).aload(NEXT).invokevirtual(CPU_CLASS, "enter", ENTER).areturn();
            code.labelBinding(leave);
            spill(changed);
            flags.spill();
            count();
            result();
            code.labelBinding(caught);
            code.astore(THROWN).aload(THROWN).getstatic(ACCESS, "MISS", MISS).if_acmpeq(leave);
            spill(changed);
            flags.spill();
            code.aload(THROWN);
            code.labelBinding(threw);
            code.astore(THROWN);
            count();
            code.aload(0).iload(AT).putfield(REGION, "at", ConstantDescs.CD_int);
            code.aload(THROWN).athrow();
        }

        private void enter() {
            Label go = code.newLabel();
            code.aload(0).getfield(REGION, "budget", ConstantDescs.CD_int).dup().istore(BUDGET).ifgt(go);
            code.aconst_null().areturn();
            code.labelBinding(go);
            if (sse) {
                Label on = code.newLabel();
                code.aload(CPU).getfield(CPU_CLASS, "vectorsOff", ConstantDescs.CD_boolean).ifeq(on);
                code.loadConstant(0).istore(AT);
                result();
                code.labelBinding(on);
            }
            reload(kept);
            flags.reload();
            code.lconst_0().lstore(SECOND);
            code.loadConstant(0).istore(AT);
            if (plan.entries().size() > 1) {
                code.aload(0).getfield(REGION, "start", ConstantDescs.CD_int);
                code.aload(0).loadConstant(0).putfield(REGION, "start", ConstantDescs.CD_int);
                instructions.dispatch();
            }
        }

        /** Returns the interpreter's instruction with which to go on. */
        private void result() {
            code.aload(0).getfield(REGION, "ops", OP.arrayType()).iload(AT).aaload().areturn();
        }

        private void count() {
            code.aload(0).dup().getfield(REGION, "budget", ConstantDescs.CD_int).iload(BUDGET).isub();
            code.invokevirtual(REGION, "left", MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int));
        }

        private void spill(int registers) {
            for (int i = 0; i < 16; i++) {
                if ((registers >> i & 1) != 0) {
                    e.field("REGISTERS", LONGS);
                    code.loadConstant(i).lload(local(i)).lastore();
                }
            }
        }

        private void reload(int registers) {
            for (int i = 0; i < 16; i++) {
                if ((registers >> i & 1) != 0) {
                    e.field("REGISTERS", LONGS);
                    code.loadConstant(i).laload().lstore(local(i));
                }
            }
        }

        private void part(int number) {
            RegionPlan.Part part = plan.parts().get(number);
            instructions.begin(number);
            int count = part.instructions().size();
            code.iinc(BUDGET, -count);
            for (int i = 0; i < count; i++) {
                Instruction in = part.instructions().get(i);
                Effects effect = effects[number][i];
                int index = part.first() + i;
                if (effect.leaves()) {
                    e.at(index);
                }
                switch (effect.kind()) {
                    case BYTECODE -> instructions.write(in, index, part.ipBehind(i), liveness.after(number, i));
                    case OPERATION -> operation(index, effect);
                    case WHOLE_OPERATION -> wholeOperation(index);
                    default -> {
                        code.goto_(leave);
                        return;
                    }
                }
            }
            instructions.end(part);
        }

        private void call(int index) {
            e.field("OP" + index, OP);
            code.aload(CPU).invokevirtual(OP, "execute", EXECUTE);
        }

        private void operation(int index, Effects effect) {
            spill(effect.uses() & changed);
            if (effect.readsFlags()) {
                flags.spill();
            }
            call(index);
            code.pop();
            reload(effect.defines() & kept);
            if (effect.flags() != Effects.FlagEffect.NONE) {
                flags.reload();
            }
        }

        /** An exception of it finds everything with the processor already, and must not be undone. */
        private void wholeOperation(int index) {
            spill(changed);
            flags.spill();
            Label from = code.newLabel();
            Label to = code.newLabel();
            Label on = code.newLabel();
            code.labelBinding(from);
            call(index);
            code.labelBinding(to);
            code.exceptionCatchAll(from, to, threw);
            code.dup().aload(0).getfield(REGION, "ops", OP.arrayType()).loadConstant(index + 1).aaload();
            code.if_acmpeq(on);
            code.areturn();
            code.labelBinding(on);
            code.pop();
            reload(kept);
            flags.reload();
        }
    }
}
