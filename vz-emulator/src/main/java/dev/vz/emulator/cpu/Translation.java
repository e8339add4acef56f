package dev.vz.emulator.cpu;

/** Something that stands for the instructions of one or more blocks. Belongs to the processor's thread. */
public interface Translation {

    /**
     * {@code block}, at which it can be entered, was found in place under the present {@link Cpu#stamp}. Makes sure of the
     * other blocks, and sets what is executed at this one accordingly.
     */
    void found(Block block);

    /** The code of one of its blocks is gone: it must never be entered again. */
    void drop();
}
