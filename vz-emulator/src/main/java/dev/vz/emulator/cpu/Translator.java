package dev.vz.emulator.cpu;

/** Turns hot blocks of one processor into something faster. All methods are called by the processor's thread. */
public interface Translator {

    /** {@code block} was entered a further thousand times without being part of a translation. */
    void hot(Block block);

    /** {@link Cpu#ATTEND_TRANSLATION} was set: puts what has become ready into place. */
    void install();

    /** All blocks are forgotten. */
    void clear();

    /** How many instructions translations have executed. */
    long retired();
}
