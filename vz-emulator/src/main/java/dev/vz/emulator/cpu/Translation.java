package dev.vz.emulator.cpu;

/** Something that stands for the instructions of one or more blocks. Belongs to the processor's thread. */
public interface Translation {

    /**
     * The block it begins with was found in place under the present {@link Cpu#stamp}. Makes sure of the other blocks, and
     * sets what is executed at the first accordingly.
     */
    void found();

    /** The code of one of its blocks is gone: it must never be entered again. */
    void drop();
}
