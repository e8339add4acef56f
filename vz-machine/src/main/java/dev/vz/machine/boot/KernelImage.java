package dev.vz.machine.boot;

import dev.vz.error.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** A kernel, understood as far as loading it needs. */
public sealed interface KernelImage permits BzImage, ElfKernel {

    /** How messages call it. */
    String name();

    /**
     * Tells by the content what kind of kernel {@code bytes} are, and checks its headers.
     *
     * @param name for messages: the file's name
     * @throws FormatException if it is no kernel, is damaged, or is one for another processor; the message says which
     */
    static KernelImage parse(String name, byte[] bytes) {
        if (ElfKernel.looksLike(view(bytes))) {
            return ElfKernel.parse(name, view(bytes));
        }
        if (BzImage.looksLike(bytes)) {
            return BzImage.parse(name, bytes);
        }
        throw new FormatException(
                "Cannot boot " + name + ": it is no kernel. It is neither a bzImage (\"HdrS\" at offset "
                        + "0x202) nor an ELF file; " + KernelGuess.describe(bytes));
    }

    /** Little-endian 16 bits. */
    ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Little-endian 32 bits. */
    ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Little-endian 64 bits. */
    ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** {@code bytes} as a segment that cannot be written. */
    static MemorySegment view(byte[] bytes) {
        return MemorySegment.ofArray(bytes).asReadOnly();
    }
}
