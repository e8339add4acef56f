package dev.vz.conformance;

import org.jspecify.annotations.Nullable;

/**
 * A memory operand: a base register and a displacement, or an absolute address.
 *
 * @param base         {@code null} for an absolute address; BX, SI, DI or BP in 16-bit code
 * @param displacement bytes; sign-extended from 16 bits in 16-bit code and from 32 bits otherwise
 */
public record Memory(@Nullable Register base, int displacement) {

    /** {@code [address]}. */
    public static Memory at(long address) {
        return new Memory(null, (int) address);
    }

    /** {@code [base]}. */
    public static Memory at(Register base) {
        return new Memory(base, 0);
    }

    /** {@code [base + displacement]}. */
    public static Memory at(Register base, int displacement) {
        return new Memory(base, displacement);
    }
}
