package dev.vz.virtio.fs;

import dev.vz.virtio.queue.ChainWriter;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The answer to a request, put together before it is written: header, then fields. Reused. */
final class FuseReply {

    static final int HEADER = 16;
    /** Longest answer apart from file data and listings. */
    private static final int ROOM = 8192;
    /** Seconds for which the guest may believe names and attributes without asking. */
    private static final int VALID = 1;

    private final ByteBuffer buffer = ByteBuffer.allocate(ROOM).order(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment segment = MemorySegment.ofArray(buffer.array());

    void begin() {
        buffer.clear().position(HEADER);
    }

    FuseReply int32(int value) {
        buffer.putInt(value);
        return this;
    }

    FuseReply int64(long value) {
        buffer.putLong(value);
        return this;
    }

    FuseReply int16(int value) {
        buffer.putShort((short) value);
        return this;
    }

    FuseReply zeros(int bytes) {
        for (int i = 0; i < bytes; i++) {
            buffer.put((byte) 0);
        }
        return this;
    }

    FuseReply bytes(byte[] value) throws FuseException {
        if (value.length > buffer.remaining()) {
            throw new FuseException(FuseException.ENAMETOOLONG);
        }
        buffer.put(value);
        return this;
    }

    /** {@code struct fuse_entry_out}. */
    FuseReply entry(Node node, FileAttributes attributes) {
        int64(node.id()).int64(0).int64(VALID).int64(VALID).int32(0).int32(0);
        return attributes(node, attributes);
    }

    /** {@code struct fuse_attr_out}. */
    FuseReply attrOut(Node node, FileAttributes attributes) {
        int64(VALID).int32(0).int32(0);
        return attributes(node, attributes);
    }

    /** {@code struct fuse_attr}. */
    private FuseReply attributes(Node node, FileAttributes a) {
        int64(a.inode() != 0 ? a.inode() : node.id()).int64(a.size()).int64(Math.ceilDiv(a.size(), 512L));
        int64(a.accessed().seconds()).int64(a.modified().seconds()).int64(a.changed().seconds());
        int32(a.accessed().nanos()).int32(a.modified().nanos()).int32(a.changed().nanos());
        return int32(a.mode()).int32(a.links()).int32(a.user()).int32(a.group()).int32(a.device()).int32(4096).int32(0);
    }

    /** One name of a listing; {@code plus} puts {@code struct fuse_entry_out} before it, zero for the dots. */
    int directoryEntry(ByteBuffer target, long next, String name, long inode, int type, boolean plus) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        int length = (plus ? 128 : 0) + (24 + bytes.length + 7 & ~7);
        if (length > target.remaining()) {
            return 0;
        }
        int start = target.position();
        if (plus) {
            for (int i = 0; i < 16; i++) {
                target.putLong(0);
            }
        }
        target.putLong(inode).putLong(next).putInt(bytes.length).putInt(type).put(bytes);
        while (target.position() < start + length) {
            target.put((byte) 0);
        }
        return length;
    }

    /** Writes it as the answer to {@code unique}; {@code false} if the guest gave no room for it. */
    boolean send(ChainWriter writer, long unique) {
        int length = buffer.position();
        buffer.putInt(0, length).putInt(4, 0).putLong(8, unique);
        return writer.write(segment, 0, length);
    }

    /** Writes a header only, for {@code data} bytes that are behind it already. */
    boolean sendHeader(ChainWriter writer, long unique, int data) {
        buffer.putInt(0, HEADER + data).putInt(4, 0).putLong(8, unique);
        return writer.write(segment, 0, HEADER);
    }

    boolean sendError(ChainWriter writer, long unique, int errno) {
        buffer.putInt(0, HEADER).putInt(4, -errno).putLong(8, unique);
        return writer.write(segment, 0, HEADER);
    }
}
