package dev.vz.machine.boot;

/**
 * Bare machine code: test guests, unikernels, a boot sector.
 *
 * @param code    copied to {@code address} and entered at its first byte
 * @param address guest-physical; 0x1000 or more, and for real mode below 64 KiB
 * @param mode    in which the processor is then
 */
public record CodeBoot(BootFile code, long address, Mode mode) implements BootMethod {

    /** Processor modes. */
    public enum Mode {
        /** 16 bits, all segments at base 0. */
        REAL,
        /** Flat 32 bits without paging. */
        PROTECTED,
        /** 64 bits, the first 4 GiB mapped to themselves. */
        LONG
    }
}
