package dev.vz.virtio.gpu;

import dev.vz.display.Screen.Cursor;
import dev.vz.display.Screen.Rectangle;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A picture: the host's copy of its pixels, and the guest's memory that they are fetched from. */
final class Resource {

    /** Bytes of a pixel, of every format. */
    static final int PIXEL = 4;
    /** Pieces of memory behind one picture. */
    static final int MOST_PIECES = 65536;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    final int id;
    final int format;
    final int width;
    final int height;
    /** Rows from the top, blue, green, red, unused or alpha. */
    final MemorySegment pixels;
    /** Address and length, one after the other. */
    private long[] backing = {};
    /** Where in the backing each piece starts: a guest may give many pieces, and ask for many rows. */
    private long[] starts = {};

    Resource(int id, int format, int width, int height) {
        this.id = id;
        this.format = format;
        this.width = width;
        this.height = height;
        pixels = Arena.ofAuto().allocate(bytes(width, height), PIXEL);
    }

    static long bytes(int width, int height) {
        return (long) width * height * PIXEL;
    }

    /** Whether the format is one that can be shown: VIRTIO_GPU_FORMAT. */
    static boolean isFormat(int format) {
        return switch (format) {
            case 1, 2, 3, 4, 67, 68, 121, 134 -> true;
            default -> false;
        };
    }

    long[] backing() {
        return backing.clone();
    }

    /** Pieces of memory behind it. */
    int pieces() {
        return starts.length;
    }

    /** Puts memory behind it: address and length of each piece, one after the other; lengths are 0 or more. */
    void attach(long[] pieces) {
        backing = pieces;
        starts = new long[pieces.length / 2];
        for (int i = 1; i < starts.length; i++) {
            starts[i] = starts[i - 1] + pieces[2 * i - 1];
        }
    }

    /** Fetches {@code area}, whose first pixel is at byte {@code offset} of the backing; {@code false} if it is not there. */
    boolean transfer(GuestMemory memory, Rectangle area, long offset) {
        long stride = (long) width * PIXEL;
        long rowBytes = (long) area.width() * PIXEL;
        for (int row = 0; row < area.height(); row++) {
            long target = (area.y() + (long) row) * stride + (long) area.x() * PIXEL;
            if (!copy(memory, offset + row * stride, target, rowBytes)) {
                return false;
            }
            if (format != 1 && format != 2) {
                reorder(target, area.width());
            }
        }
        return true;
    }

    private boolean copy(GuestMemory memory, long from, long target, long length) {
        int found = Arrays.binarySearch(starts, from);
        int piece = Math.max(found < 0 ? -found - 2 : found, 0);
        long skip = starts.length == 0 ? 0 : from - starts[piece];
        long done = 0;
        for (int i = 2 * piece; i + 1 < backing.length && done < length; i += 2) {
            while (skip < backing[i + 1] && done < length) {
                long at = backing[i] + skip;
                MemoryRegion region = memory.region(at);
                if (region == null) {
                    return false;
                }
                long offset = at - region.guestAddress();
                long here = Math.min(Math.min(backing[i + 1] - skip, length - done), region.size() - offset);
                if (!region.allows(offset, here)) {
                    return false;
                }
                MemorySegment.copy(region.segment(), offset, pixels, target + done, here);
                done += here;
                skip += here;
            }
            skip = 0;
        }
        return done == length;
    }

    /** To blue, green, red, alpha from the lowest byte. */
    private void reorder(long at, int count) {
        for (int i = 0; i < count; i++) {
            int p = pixels.get(INT, at + (long) i * PIXEL);
            pixels.set(INT, at + (long) i * PIXEL, switch (format) {
                case 3, 4 -> Integer.reverseBytes(p);
                case 67, 134 -> p & 0xFF00_FF00 | p >>> 16 & 0xFF | (p & 0xFF) << 16;
                default -> Integer.rotateRight(p, 8);
            });
        }
    }

    Cursor cursor(int hotX, int hotY) {
        var argb = new int[width * height];
        for (int i = 0; i < argb.length; i++) {
            argb[i] = pixels.get(INT, (long) i * PIXEL);
        }
        return new Cursor(width, height, Math.clamp(hotX, 0, width - 1), Math.clamp(hotY, 0, height - 1), argb);
    }
}
