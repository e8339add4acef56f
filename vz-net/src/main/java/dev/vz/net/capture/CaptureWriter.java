package dev.vz.net.capture;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.link.FrameBatch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;

/**
 * Writes a pcapng file with one or more interfaces: section header, interface descriptions, enhanced packets. Writing a
 * frame allocates nothing and reaches the file when the buffer is full, at {@link #flush} and at {@link #close}. Thread-safe.
 */
public final class CaptureWriter implements AutoCloseable {

    /** Which way a frame went, as Wireshark shows it: bits 0 and 1 of {@code epb_flags}. */
    public enum Direction {
        /** Into the machine that captures. */
        INBOUND(1),
        /** Out of it. */
        OUTBOUND(2);

        private final int flags;

        Direction(int flags) {
            this.flags = flags;
        }
    }

    static final int SECTION_HEADER = 0x0A0D0D0A;
    static final int INTERFACE_DESCRIPTION = 1;
    static final int ENHANCED_PACKET = 6;
    static final int BYTE_ORDER_MAGIC = 0x1A2B3C4D;
    static final int LINKTYPE_ETHERNET = 1;
    static final int OPTION_IF_NAME = 2;
    static final int OPTION_IF_TSRESOL = 9;
    static final int OPTION_EPB_FLAGS = 2;

    private static final int BUFFER = 256 << 10;
    private static final int PACKET_OVERHEAD = 32 + 12;

    private final String file;
    private final FileChannel channel;
    private final Clock clock;
    private final int snapLength;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment segment = MemorySegment.ofBuffer(buffer);
    private int interfaces;
    private long lost;
    private boolean closed;

    private CaptureWriter(String file, FileChannel channel, Clock clock, int snapLength) {
        this.file = file;
        this.channel = channel;
        this.clock = clock;
        this.snapLength = snapLength;
        block(SECTION_HEADER, 28);
        buffer.putInt(BYTE_ORDER_MAGIC).putShort((short) 1).putShort((short) 0).putLong(-1).putInt(28);
    }

    /** Creates {@code file}, or overwrites it, with whole frames and the wall clock's time. */
    public static CaptureWriter create(Path file) {
        return create(file, Clock.systemUTC(), 0x40000);
    }

    /**
     * Creates {@code file}, or overwrites it.
     *
     * @param clock      gives each frame its time
     * @param snapLength how many bytes of a frame are kept at most, 14 to 262144
     */
    public static CaptureWriter create(Path file, Clock clock, int snapLength) {
        if (snapLength < 14 || snapLength > 0x40000) {
            throw new ConfigurationException("A capture keeps 14 to 262144 bytes of a frame, not " + snapLength);
        }
        try {
            return new CaptureWriter(file.toString(), FileChannel.open(file, StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE), clock, snapLength);
        } catch (IOException failure) {
            throw new HostException("creating a capture", file.toString(), failure);
        }
    }

    /** Adds an Ethernet interface called {@code name}. Returns its number. */
    public synchronized int addInterface(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > 255) {
            throw new ConfigurationException("The name of an interface in a capture has at most 255 bytes, not "
                    + bytes.length);
        }
        int nameSize = bytes.length + 3 & ~3;
        int length = 20 + 4 + nameSize + 8 + 4;
        room(length);
        block(INTERFACE_DESCRIPTION, length);
        buffer.putShort((short) LINKTYPE_ETHERNET).putShort((short) 0).putInt(snapLength);
        buffer.putShort((short) OPTION_IF_NAME).putShort((short) bytes.length).put(bytes);
        pad(nameSize - bytes.length);
        // 10^-9 seconds.
        buffer.putShort((short) OPTION_IF_TSRESOL).putShort((short) 1).put((byte) 9);
        pad(3);
        buffer.putInt(0).putInt(length);
        return interfaces++;
    }

    /** Records frames {@code [from, to)} of {@code batch}. */
    public synchronized void write(int interfaceNumber, FrameBatch batch, int from, int to, Direction direction) {
        Instant now = clock.instant();
        long nanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
        for (int i = from; i < to; i++) {
            put(interfaceNumber, nanos, batch.segment(i), batch.frameOffset(i), batch.frameLength(i), direction);
        }
    }

    /** Records one Ethernet frame, {@code nanos} since 1970. */
    public synchronized void write(int interfaceNumber, long nanos, MemorySegment bytes, long at, int length,
            Direction direction) {
        put(interfaceNumber, nanos, bytes, at, length, direction);
    }

    private void put(int number, long nanos, MemorySegment bytes, long at, int length, Direction direction) {
        if (number < 0 || number >= interfaces) {
            throw new ConfigurationException(
                    "The capture " + file + " has " + interfaces + " interfaces, and no number "
                            + number);
        }
        if (closed) {
            return;
        }
        int kept = Math.min(Math.min(length, snapLength), BUFFER - PACKET_OVERHEAD - 4);
        int padded = kept + 3 & ~3;
        int total = PACKET_OVERHEAD + padded;
        if (!room(total)) {
            lost++;
            return;
        }
        block(ENHANCED_PACKET, total);
        buffer.putInt(number).putInt((int) (nanos >>> 32)).putInt((int) nanos).putInt(kept).putInt(length);
        MemorySegment.copy(bytes, at, segment, buffer.position(), kept);
        buffer.position(buffer.position() + kept);
        pad(padded - kept);
        buffer.putShort((short) OPTION_EPB_FLAGS).putShort((short) 4).putInt(direction.flags);
        buffer.putInt(0).putInt(total);
    }

    /** Frames that were not recorded because the file could not be written, for example on a full disk. */
    public synchronized long lost() {
        return lost;
    }

    /**
     * Writes what is buffered to the file.
     *
     * @throws HostException if the file cannot be written
     */
    public synchronized void flush() {
        try {
            writeOut();
        } catch (IOException failure) {
            throw new HostException("writing a capture", file, failure);
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        try (channel) {
            writeOut();
        } catch (IOException failure) {
            throw new HostException("writing the end of a capture", file, failure);
        } finally {
            closed = true;
        }
    }

    /** A full disk must not stop the traffic that is recorded: the buffer is emptied all the same, at a block's border. */
    private boolean room(int bytes) {
        if (buffer.remaining() >= bytes) {
            return true;
        }
        try {
            writeOut();
        } catch (IOException failure) {
            return false;
        }
        return true;
    }

    private void writeOut() throws IOException {
        buffer.flip();
        try {
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } finally {
            buffer.compact();
        }
    }

    private void block(int type, int length) {
        buffer.putInt(type).putInt(length);
    }

    private void pad(int bytes) {
        for (int i = 0; i < bytes; i++) {
            buffer.put((byte) 0);
        }
    }
}
