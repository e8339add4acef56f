package dev.vz.storage.nbd;

import dev.vz.block.BlockRequest;
import dev.vz.error.FormatException;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Understands a server's replies. Of the connection's loop thread. What the server says about lengths and offsets is
 * checked against what was asked before a byte goes to a request's buffers.
 */
final class ReplyReader {

    /** Bytes of a chunk that is looked at as a whole: errors and block status. */
    private static final int LONGEST_CHUNK = 96 * 1024;

    private final ClientConnection connection;
    private final Input input;
    private final ExportInfo info;
    /** The request whose data is coming, how many bytes of it, and whether its reply ends with them. */
    private @Nullable ClientRequest target;
    private long expected;
    private boolean done;

    ReplyReader(ClientConnection connection, Input input, ExportInfo info) {
        this.connection = connection;
        this.input = input;
        this.info = info;
    }

    /** Puts the places of data that is coming into {@code vectors}. */
    void direct(IoVectors vectors, int room) {
        ClientRequest current = target;
        if (current != null) {
            current.direct(vectors, expected, room);
        }
    }

    /** Takes note of {@code received} bytes of which the first are data in those places; returns how many were. */
    long directed(long received) {
        ClientRequest current = target;
        if (current == null) {
            return 0;
        }
        long mine = Math.min(received, expected);
        current.arrived(mine);
        expected -= mine;
        return mine;
    }

    /** Takes from the input what is complete. */
    void advance() {
        while (true) {
            ClientRequest current = target;
            if (current != null) {
                int here = (int) Math.min(expected, input.available());
                current.copy(input.memory(), input.position(), here);
                input.consume(here);
                expected -= here;
                if (expected > 0) {
                    return;
                }
                target = null;
                finish(current, done);
            }
            if (input.available() < 4) {
                return;
            }
            int magic = input.intAt(0);
            boolean more = switch (magic) {
                case Nbd.NBD_SIMPLE_REPLY_MAGIC -> simple();
                case Nbd.NBD_STRUCTURED_REPLY_MAGIC -> structured();
                default -> throw new FormatException("A reply begins with 0x" + Integer.toHexString(magic)
                        + ", which is no magic of a reply");
            };
            if (!more) {
                return;
            }
        }
    }

    private boolean simple() {
        if (input.available() < Nbd.SIMPLE_REPLY_BYTES) {
            return false;
        }
        int error = input.intAt(4);
        ClientRequest request = connection.find(input.longAt(8));
        input.consume(Nbd.SIMPLE_REPLY_BYTES);
        boolean read = request.command == Nbd.NBD_CMD_READ;
        if (info.structured() && (read || request.command == Nbd.NBD_CMD_BLOCK_STATUS)) {
            throw new FormatException("A simple reply to command " + request.command
                    + " where a structured one was agreed on");
        }
        request.error = error;
        if (read && error == 0) {
            expect(request, length(request), true);
        } else {
            connection.completed(request);
        }
        return true;
    }

    private static long length(ClientRequest request) {
        BlockRequest block = request.request;
        return block == null ? 0 : block.length();
    }

    private void expect(ClientRequest request, long length, boolean last) {
        target = request;
        expected = length;
        done = last;
    }

    private boolean structured() {
        if (input.available() < Nbd.CHUNK_BYTES) {
            return false;
        }
        if (!info.structured()) {
            throw new FormatException("A structured reply that was not agreed on");
        }
        int flags = Short.toUnsignedInt(input.shortAt(4));
        int type = Short.toUnsignedInt(input.shortAt(6));
        ClientRequest request = connection.find(input.longAt(8));
        long length = Integer.toUnsignedLong(input.intAt(16));
        boolean last = (flags & Nbd.NBD_REPLY_FLAG_DONE) != 0;
        if (type == Nbd.NBD_REPLY_TYPE_OFFSET_DATA) {
            return data(request, length, last);
        }
        if (length > LONGEST_CHUNK) {
            throw new FormatException("A chunk of type " + type + " has " + length + " bytes, more than the "
                    + LONGEST_CHUNK + " that make sense");
        }
        if (input.available() < Nbd.CHUNK_BYTES + length) {
            return false;
        }
        chunk(request, type, (int) length, last);
        input.consume(Nbd.CHUNK_BYTES + (int) length);
        finish(request, last);
        return true;
    }

    private boolean data(ClientRequest request, long length, boolean last) {
        if (input.available() < Nbd.CHUNK_BYTES + 8) {
            return false;
        }
        if (request.command != Nbd.NBD_CMD_READ || length <= 8) {
            throw new FormatException("A chunk of data of " + length + " bytes for command " + request.command);
        }
        request.seek(range(request, input.longAt(Nbd.CHUNK_BYTES), length - 8));
        input.consume(Nbd.CHUNK_BYTES + 8);
        expect(request, length - 8, last);
        return true;
    }

    /** Where in the request's range a chunk is; it must lie within it, and not be one too many. */
    private static long range(ClientRequest request, long offset, long length) {
        BlockRequest block = request.request;
        long start = block == null ? 0 : block.offset();
        long size = length(request);
        if (offset < start || length > size || offset - start > size - length || request.covered + length > size) {
            throw new FormatException("A chunk for [" + offset + ", +" + length + ") does not belong to the read of ["
                    + start + ", +" + size + "), of which " + request.covered + " bytes have come");
        }
        return offset - start;
    }

    private void chunk(ClientRequest request, int type, int length, boolean last) {
        int at = Nbd.CHUNK_BYTES;
        switch (type) {
            case Nbd.NBD_REPLY_TYPE_NONE -> require(length == 0 && last, type, length);
            case Nbd.NBD_REPLY_TYPE_OFFSET_HOLE -> {
                require(length == 12 && request.command == Nbd.NBD_CMD_READ, type, length);
                long size = Integer.toUnsignedLong(input.intAt(at + 8));
                require(size > 0, type, length);
                request.seek(range(request, input.longAt(at), size));
                request.zero(size);
            }
            case Nbd.NBD_REPLY_TYPE_BLOCK_STATUS -> {
                require(length >= 12 && (length - 4) % 8 == 0 && request.command == Nbd.NBD_CMD_BLOCK_STATUS, type,
                        length);
                BlockRequest block = request.request;
                if (block != null && block.attachment() instanceof StatusQuery query) {
                    query.chunk(input, at, length);
                }
            }
            default -> {
                // The upper half of the types are errors, and begin as this one does whatever they are.
                require((type & 1 << 15) != 0 && length >= 6, type, length);
                error(request, at, length);
            }
        }
    }

    private void error(ClientRequest request, int at, int length) {
        int error = input.intAt(at);
        int text = Short.toUnsignedInt(input.shortAt(at + 4));
        require(text <= length - 6, Nbd.NBD_REPLY_TYPE_ERROR, length);
        if (request.error == 0) {
            request.error = error == 0 ? Nbd.NBD_EINVAL : error;
            byte[] bytes = input.memory().asSlice(input.position() + at + 6L, text).toArray(ValueLayout.JAVA_BYTE);
            request.message = new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static void require(boolean right, int type, int length) {
        if (!right) {
            throw new FormatException("A chunk of type " + type + " with " + length
                    + " bytes does not fit the request, or its own rules");
        }
    }

    private void finish(ClientRequest request, boolean last) {
        if (!last) {
            return;
        }
        if (request.command == Nbd.NBD_CMD_READ && request.error == 0 && request.covered != length(request)) {
            throw new FormatException("A read of " + length(request) + " bytes ended after " + request.covered);
        }
        connection.completed(request);
    }
}
