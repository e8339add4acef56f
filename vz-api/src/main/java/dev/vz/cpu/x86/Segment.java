package dev.vz.cpu.x86;

/**
 * A segment register with its hidden part (Intel SDM 3A, 3.4.3 to 3.4.5).
 *
 * @param base        linear address
 * @param limit       last offset inside, in bytes (granularity already applied), unsigned 32 bits
 * @param selector    16 bits
 * @param type        4-bit type field
 * @param present     P
 * @param dpl         descriptor privilege level, 0 to 3
 * @param defaultBig  D/B: 32-bit operands or stack
 * @param system      the inverse of S: whether it is a system descriptor (TSS, LDT)
 * @param longMode    L: 64-bit code
 * @param granularity G: the limit counts 4 KiB pages
 * @param available   AVL
 * @param unusable    not loaded: any use faults
 */
public record Segment(long base, int limit, int selector, int type, boolean present, int dpl, boolean defaultBig,
        boolean system, boolean longMode, boolean granularity, boolean available, boolean unusable) {

    /** A real-mode segment: base is 16 times the selector, limit 64 KiB. */
    public static Segment realMode(int selector, boolean code) {
        return new Segment((long) selector << 4, 0xFFFF, selector, code ? 11 : 3, true, 0, false, false, false, false,
                false, false);
    }

    /** A flat 32-bit code segment. */
    public static Segment code32(int selector, int dpl) {
        return new Segment(0, -1, selector, 11, true, dpl, true, false, false, true, false, false);
    }

    /** A 64-bit code segment. */
    public static Segment code64(int selector, int dpl) {
        return new Segment(0, -1, selector, 11, true, dpl, false, false, true, true, false, false);
    }

    /** A flat data segment. */
    public static Segment data(int selector, int dpl) {
        return new Segment(0, -1, selector, 3, true, dpl, true, false, false, true, false, false);
    }

    /** A busy task state segment; {@code wide} for 32- and 64-bit, else 16-bit. */
    public static Segment task(int selector, long base, int limit, boolean wide) {
        return new Segment(base, limit, selector, wide ? 11 : 3, true, 0, false, true, false, false, false, false);
    }

    /** A local descriptor table register that is not loaded. */
    public static Segment noLdt() {
        return new Segment(0, 0xFFFF, 0, 2, true, 0, false, true, false, false, false, false);
    }

    /** The same with another base. */
    public Segment withBase(long base) {
        return new Segment(base, limit, selector, type, present, dpl, defaultBig, system, longMode, granularity,
                available, unusable);
    }
}
