package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.OpSource;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;

/** All instructions. */
public final class Operations implements OpSource {

    private static final Operations INSTANCE = new Operations();

    private final Map<Mnemonic, OpFactory> factories = new EnumMap<>(Mnemonic.class);

    private Operations() {
        Arithmetic.register(this);
        UnaryArithmetic.register(this);
        Moves.register(this);
        Shifts.register(this);
        Multiplication.register(this);
        Bits.register(this);
        Exchange.register(this);
        FlagOps.register(this);
        Conditional.register(this);
        Flow.register(this);
        FarFlow.register(this);
        StackOps.register(this);
        Strings.register(this);
        Ports.register(this);
        SystemOps.register(this);
        DescriptorOps.register(this);
        PackedOps.register(this);
        ScalarOps.register(this);
        VectorMoves.register(this);
        VectorElements.register(this);
        X87Ops.register(this);
    }

    /** The instructions. */
    public static Operations instance() {
        return INSTANCE;
    }

    void add(Mnemonic mnemonic, OpFactory factory) {
        if (factories.put(mnemonic, factory) != null) {
            throw new IllegalStateException(mnemonic + " is registered twice");
        }
    }

    void simple(Mnemonic mnemonic, Consumer<Cpu> action) {
        add(mnemonic, (in, ip, nextIp) -> new FlagOps.Simple(action, ip, nextIp));
    }

    @Override
    public Op build(Instruction instruction, long ip, long nextIp) {
        OpFactory factory = factories.get(instruction.form.mnemonic());
        if (factory == null) {
            return new Flow.Raise(dev.vz.emulator.fault.Vector.UD, ip);
        }
        return factory.build(instruction, ip, nextIp);
    }

    /** Whether {@code mnemonic} can be executed. */
    public boolean knows(Mnemonic mnemonic) {
        return factories.containsKey(mnemonic);
    }

    @Override
    public Op raise(int vector, long ip) {
        return new Flow.Raise(vector, ip);
    }

    @Override
    public Op proceed(long target) {
        return new Flow.Proceed(target);
    }
}
