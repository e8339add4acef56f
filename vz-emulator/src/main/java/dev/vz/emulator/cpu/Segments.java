package dev.vz.emulator.cpu;

/**
 * Numbers and bits of segment registers. The attributes of a loaded segment are bits 40 to 55 of its descriptor, moved
 * down to bit 0, with the limit bits among them cleared, and {@link #UNUSABLE} above.
 */
public final class Segments {

    /** Number of ES. */
    public static final int ES = 0;
    /** Number of CS. */
    public static final int CS = 1;
    /** Number of SS. */
    public static final int SS = 2;
    /** Number of DS. */
    public static final int DS = 3;
    /** Number of FS. */
    public static final int FS = 4;
    /** Number of GS. */
    public static final int GS = 5;
    /** Number of the local descriptor table register. */
    public static final int LDTR = 6;
    /** Number of the task register. */
    public static final int TR = 7;

    /** The four type bits. */
    public static final int TYPE = 0xF;
    /** Type: has been accessed. */
    public static final int ACCESSED = 1;
    /** Type of data: can be written; of code: can be read. */
    public static final int WRITABLE = 2;
    /** Type of data: grows downwards; of code: conforming. */
    public static final int DOWN_OR_CONFORMING = 4;
    /** Type: code. */
    public static final int CODE = 8;
    /** Not a system segment. */
    public static final int S = 0x10;
    /** Present. */
    public static final int P = 0x80;
    /** Available to software. */
    public static final int AVL = 0x1000;
    /** 64-bit code. */
    public static final int L = 0x2000;
    /** 32-bit operands, or stack. */
    public static final int D = 0x4000;
    /** The limit counts pages. */
    public static final int G = 0x8000;
    /** Nothing is loaded. */
    public static final int UNUSABLE = 0x1_0000;

    private Segments() {}

    /** The privilege level in the attributes. */
    public static int dpl(int attributes) {
        return attributes >> 5 & 3;
    }
}
