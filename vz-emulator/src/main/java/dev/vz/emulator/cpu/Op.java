package dev.vz.emulator.cpu;

import org.jspecify.annotations.Nullable;

/**
 * One decoded instruction, ready to be executed.
 *
 * <p>
 * The instructions of a {@link Block} are linked: {@link #execute} does its work and returns what is to be executed next.
 * A chain of small virtual methods measured faster than one method with a switch (2.4 to 3.1 ns for an instruction
 * against 3.7 to 4.3 ns), and each is compiled on its own as soon as it is hot.
 *
 * <p>
 * An instruction that faults throws {@link dev.vz.emulator.fault.Fault} before it has changed anything; whoever runs it
 * knows it, so {@link Cpu#rip} is not kept up to date inside a block.
 */
public abstract class Op {

    /** The instruction behind this one; {@code null} only in the last of a block, which does not look. */
    public @Nullable Op next;
    /** Offset of the instruction in its code segment: RIP when it begins. */
    public long ip;
    /** RIP of the instruction behind it. */
    public long nextIp;

    /** Makes an instruction that is not yet placed. */
    protected Op() {}

    /**
     * Executes it.
     *
     * @return the next instruction, or {@code null} if the next one has to be looked up at {@link Cpu#rip}
     */
    public abstract @Nullable Op execute(Cpu c);

    /** Whether an address that is not canonical is a stack fault rather than a general protection fault. */
    public boolean usesStack() {
        return false;
    }

    /** The instruction that is being executed: this one, unless it stands for several. */
    public Op current() {
        return this;
    }

    /** Where it has gone so far, if it is an indirect branch that keeps note of it. */
    public long[] targets() {
        return Targets.none();
    }

    /** Whether nothing can follow it in a block. */
    public boolean endsBlock() {
        return false;
    }
}
