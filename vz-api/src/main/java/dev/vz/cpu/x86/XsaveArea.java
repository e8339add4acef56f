package dev.vz.cpu.x86;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The x87, SSE and further vector state as the standard (not compacted) XSAVE image (Intel SDM 1, 13.4).
 *
 * <p>
 * The first 512 bytes are the FXSAVE image, the next 64 the XSAVE header, the components follow at the offsets that
 * CPUID leaf 0xD gives. Immutable; little-endian throughout.
 */
public final class XsaveArea {

    /** Size of the FXSAVE image and header together, the least an area has: 576 bytes. */
    public static final int LEGACY_SIZE = 576;
    /** Where XSTATE_BV is: the bitmap of components that are not in their initial state. */
    public static final int XSTATE_BV = 512;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final byte[] image;

    private XsaveArea(byte[] image) {
        this.image = image;
    }

    /** The area with these bytes, {@link #LEGACY_SIZE} or more. They are copied. */
    public static XsaveArea of(byte[] image) {
        if (image.length < LEGACY_SIZE) {
            throw new ConfigurationException("An XSAVE area has at least " + LEGACY_SIZE + " bytes, got "
                    + image.length);
        }
        return new XsaveArea(image.clone());
    }

    /** After reset: FCW 0x37F, MXCSR 0x1F80, all registers empty. */
    public static XsaveArea initial() {
        var image = new byte[LEGACY_SIZE];
        MemorySegment area = MemorySegment.ofArray(image);
        area.set(SHORT, 0, (short) 0x37F);
        area.set(INT, 24, 0x1F80);
        area.set(INT, 28, 0xFFFF);
        return new XsaveArea(image);
    }

    /** A copy of all bytes. */
    public byte[] toByteArray() {
        return image.clone();
    }

    /** Number of bytes. */
    public int size() {
        return image.length;
    }

    /** The x87 control word. */
    public int fcw() {
        return view().get(SHORT, 0) & 0xFFFF;
    }

    /** The x87 status word. */
    public int fsw() {
        return view().get(SHORT, 2) & 0xFFFF;
    }

    /** The abridged x87 tag word: a set bit for each register that is not empty, by physical number. */
    public int ftw() {
        return image[4] & 0xFF;
    }

    /** The SSE control and status register. */
    public int mxcsr() {
        return view().get(INT, 24);
    }

    /** Significand of ST({@code i}), 64 bits. */
    public long stSignificand(int i) {
        return view().get(LONG, 32 + 16L * i);
    }

    /** Sign and exponent of ST({@code i}), 16 bits. */
    public int stSignExponent(int i) {
        return view().get(SHORT, 40 + 16L * i) & 0xFFFF;
    }

    /** Low half of XMM{@code i}. */
    public long xmmLow(int i) {
        return view().get(LONG, 160 + 16L * i);
    }

    /** High half of XMM{@code i}. */
    public long xmmHigh(int i) {
        return view().get(LONG, 168 + 16L * i);
    }

    /** Which components are not in their initial state. */
    public long xstateBv() {
        return view().get(LONG, XSTATE_BV);
    }

    private MemorySegment view() {
        return MemorySegment.ofArray(image).asReadOnly();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof XsaveArea area && Arrays.equals(image, area.image);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(image);
    }

    @Override
    public String toString() {
        return "XsaveArea[" + image.length + " bytes, xstate_bv=0x" + Long.toHexString(xstateBv()) + "]";
    }
}
