package dev.vz.net.capture;

import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Reads the Ethernet frames of a pcapng file, of either byte order and any time resolution, in the order in which they lie.
 * Blocks that hold no frames are passed over. Not thread-safe.
 */
public final class CaptureReader implements AutoCloseable {

    /** The largest block that is read; one with a frame of 256 KiB and options is smaller. */
    public static final int LARGEST_BLOCK = 1 << 20;
    /** The most interfaces of a section; each costs memory. */
    public static final int MOST_INTERFACES = 4096;

    private static final int SIMPLE_PACKET = 3;
    private static final long NANOS = 1_000_000_000L;

    private final String file;
    private final FileChannel channel;
    private final ByteBuffer block = ByteBuffer.allocate(LARGEST_BLOCK);
    private final MemorySegment blockSegment = MemorySegment.ofBuffer(block);
    private ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    private boolean inSection;
    private long position;
    private int interfaces;
    private int[] linkTypes = new int[4];
    private int[] snapLengths = new int[4];
    private long[] unitsPerSecond = new long[4];

    private long nanos;
    private int interfaceNumber;
    private int frameAt;
    private int frameLength;
    private int originalLength;

    private CaptureReader(String file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Opens {@code file}. */
    public static CaptureReader open(Path file) {
        try {
            return new CaptureReader(file.toString(), FileChannel.open(file, StandardOpenOption.READ));
        } catch (IOException failure) {
            throw new HostException("opening a capture", file.toString(), failure);
        }
    }

    /**
     * Goes on to the next Ethernet frame.
     *
     * @return whether there is one
     * @throws FormatException if the file is no pcapng file or is damaged
     */
    public boolean next() {
        try {
            while (readBlock()) {
                if (takeBlock()) {
                    return true;
                }
            }
            return false;
        } catch (IOException failure) {
            throw new HostException("reading a capture", file, failure);
        }
    }

    /** Where the frame's bytes are; valid until {@link #next}. */
    public MemorySegment segment() {
        return blockSegment;
    }

    /** Where in {@link #segment} the Ethernet frame starts. */
    public long frameOffset() {
        return frameAt;
    }

    /** Bytes of the frame that were kept. */
    public int frameLength() {
        return frameLength;
    }

    /** Bytes that the frame had. */
    public int originalLength() {
        return originalLength;
    }

    /** When it was recorded, in nanoseconds since 1970; 0 where the file does not say. */
    public long nanos() {
        return nanos;
    }

    /** The number of its interface within its section. */
    public int interfaceNumber() {
        return interfaceNumber;
    }

    private boolean readBlock() throws IOException {
        block.clear().limit(12);
        int got = fill();
        if (got == 0) {
            return false;
        }
        if (got < 12) {
            throw damaged("a block breaks off");
        }
        block.order(order);
        if (block.getInt(0) == CaptureWriter.SECTION_HEADER) {
            block.order(ByteOrder.LITTLE_ENDIAN);
            order = switch (block.getInt(8)) {
                case CaptureWriter.BYTE_ORDER_MAGIC -> ByteOrder.LITTLE_ENDIAN;
                case 0x4D3C2B1A -> ByteOrder.BIG_ENDIAN;
                default -> throw damaged("a section has no byte-order magic");
            };
            inSection = true;
            interfaces = 0;
        } else if (!inSection) {
            throw damaged("it does not start with a section header, so it is no pcapng file (pcap files can be "
                    + "converted with editcap)");
        }
        block.order(order);
        int length = block.getInt(4);
        if (length < 12 || length % 4 != 0 || length > LARGEST_BLOCK) {
            throw damaged("a block claims a length of " + Integer.toUnsignedString(length) + " bytes; it must be a "
                    + "multiple of 4 from 12 to " + LARGEST_BLOCK);
        }
        block.limit(length);
        if (fill() < length - 12) {
            throw damaged("a block of " + length + " bytes breaks off");
        }
        if (block.getInt(length - 4) != length) {
            throw damaged("the two lengths of a block differ: " + length + " and " + block.getInt(length - 4));
        }
        position += length;
        return true;
    }

    private int fill() throws IOException {
        int before = block.position();
        while (block.hasRemaining() && channel.read(block) >= 0) {
            // Until it is full or the file ends.
        }
        return block.position() - before;
    }

    /** Whether the block holds an Ethernet frame. */
    private boolean takeBlock() {
        int length = block.limit();
        switch (block.getInt(0)) {
            case CaptureWriter.INTERFACE_DESCRIPTION -> addInterface(length);
            case CaptureWriter.ENHANCED_PACKET -> {
                if (length < 32) {
                    throw damaged("an enhanced packet block has only " + length + " bytes");
                }
                interfaceNumber = checkInterface(block.getInt(8));
                long time = (long) block.getInt(12) << 32 | block.getInt(16) & 0xFFFF_FFFFL;
                nanos = toNanos(time, unitsPerSecond[interfaceNumber]);
                return takeFrame(28, block.getInt(20), block.getInt(24), length - 32);
            }
            case SIMPLE_PACKET -> {
                if (length < 16) {
                    throw damaged("a simple packet block has only " + length + " bytes");
                }
                interfaceNumber = checkInterface(0);
                nanos = 0;
                int original = block.getInt(8);
                int kept = original < 0 ? length - 16 : Math.min(original, length - 16);
                int snap = snapLengths[0];
                return takeFrame(12, snap > 0 ? Math.min(kept, snap) : kept, original, length - 16);
            }
            default -> {
                // A block of another kind: names, statistics, what later versions invent.
            }
        }
        return false;
    }

    private boolean takeFrame(int at, int kept, int original, int available) {
        if (kept < 0 || kept > available || original < kept) {
            throw damaged("a frame claims " + Integer.toUnsignedString(kept) + " of "
                    + Integer.toUnsignedString(original) + " bytes in a block that has room for " + available);
        }
        frameAt = at;
        frameLength = kept;
        originalLength = original;
        return linkTypes[interfaceNumber] == CaptureWriter.LINKTYPE_ETHERNET;
    }

    private int checkInterface(int number) {
        if (number < 0 || number >= interfaces) {
            throw damaged("a frame is of interface " + Integer.toUnsignedString(number) + ", but the section has "
                    + interfaces);
        }
        return number;
    }

    private void addInterface(int length) {
        if (length < 20) {
            throw damaged("an interface description has only " + length + " bytes");
        }
        if (interfaces == MOST_INTERFACES) {
            throw damaged("a section has more than " + MOST_INTERFACES + " interfaces");
        }
        if (interfaces == linkTypes.length) {
            linkTypes = Arrays.copyOf(linkTypes, interfaces * 2);
            snapLengths = Arrays.copyOf(snapLengths, interfaces * 2);
            unitsPerSecond = Arrays.copyOf(unitsPerSecond, interfaces * 2);
        }
        linkTypes[interfaces] = block.getShort(8) & 0xFFFF;
        snapLengths[interfaces] = block.getInt(12);
        unitsPerSecond[interfaces] = resolution(16, length - 4);
        interfaces++;
    }

    private long resolution(int from, int end) {
        int at = from;
        while (at + 4 <= end) {
            int code = block.getShort(at) & 0xFFFF;
            int size = block.getShort(at + 2) & 0xFFFF;
            if (code == 0 || at + 4 + size > end) {
                break;
            }
            if (code == CaptureWriter.OPTION_IF_TSRESOL && size >= 1) {
                int value = block.get(at + 4) & 0xFF;
                int exponent = value & 0x7F;
                if ((value & 0x80) != 0) {
                    return exponent > 62 ? 0 : 1L << exponent;
                }
                long units = 1;
                for (int i = 0; i < exponent; i++) {
                    units = exponent > 18 ? 0 : units * 10;
                }
                return units;
            }
            at += 4 + (size + 3 & ~3);
        }
        return 1_000_000;
    }

    private static long toNanos(long time, long unitsPerSecond) {
        if (unitsPerSecond <= 0) {
            return 0;
        }
        long seconds = Long.divideUnsigned(time, unitsPerSecond);
        long rest = Long.remainderUnsigned(time, unitsPerSecond);
        long part = unitsPerSecond <= NANOS ? rest * (NANOS / unitsPerSecond)
                + rest * (NANOS % unitsPerSecond) / unitsPerSecond : (long) ((double) rest / unitsPerSecond * NANOS);
        return seconds * NANOS + part;
    }

    private FormatException damaged(String what) {
        return new FormatException("The capture " + file + " is damaged at byte " + position + ": " + what);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException failure) {
            throw new HostException("closing a capture", file, failure);
        }
    }
}
