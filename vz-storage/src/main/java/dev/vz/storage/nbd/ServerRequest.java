package dev.vz.storage.nbd;

import dev.vz.block.BlockCompletion;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * One client's request, from its header to the last byte of its reply. Belongs to a loop, which uses it again. While the
 * device works on it, only the device touches it.
 */
final class ServerRequest implements BlockCompletion, Sender.Owner {

    /** Room for a chunk's header and an error with its message. */
    private static final int HEAD = 256;

    final BlockRequest block = new BlockRequest().onCompletion(this);
    final MemorySegment head = Arena.ofAuto().allocate(HEAD);
    private final ServerLoop loop;

    @Nullable
    ServerConnection connection;
    @Nullable
    PayloadBuffer payload;
    int flags;
    int command;
    long cookie;
    long offset;
    /** Bytes of the range; unsigned 32 bits on the wire. */
    long length;
    /** Bytes that the reply's payload has. */
    int payloadLength;
    /** Error number of the protocol; 0 if it went well. */
    int error;
    @Nullable
    String message;
    /** A discard with FUA: the flush comes second. */
    boolean flushFollows;

    /** The next one in the loop's list of free or of finished ones. */
    @Nullable
    ServerRequest next;

    ServerRequest(ServerLoop loop) {
        this.loop = loop;
    }

    @Override
    public void completed(BlockRequest request, BlockResult result) {
        if (result == BlockResult.OK && flushFollows) {
            flushFollows = false;
            ServerConnection owner = connection;
            if (owner != null) {
                request.prepare(BlockRequest.Operation.FLUSH, 0, 0, 0);
                owner.device().submit(request);
                return;
            }
        }
        error = Nbd.error(result);
        if (error != 0) {
            Throwable cause = request.cause();
            message = cause == null ? null : cause.getMessage();
        }
        loop.finished(this);
    }

    /** The reply is sent, or nobody waits for it. */
    @Override
    public void released() {
        loop.recycle(this);
    }

    void reset() {
        connection = null;
        payload = null;
        payloadLength = 0;
        error = 0;
        message = null;
        flushFollows = false;
    }

    /** Writes a simple reply; returns its length. */
    int simpleReply() {
        head.set(Nbd.INT, 0, Nbd.NBD_SIMPLE_REPLY_MAGIC);
        head.set(Nbd.INT, 4, error);
        head.set(Nbd.LONG, 8, cookie);
        return Nbd.SIMPLE_REPLY_BYTES;
    }

    /** Writes the header of the only chunk; returns its length. */
    int chunk(int type, int chunkLength) {
        head.set(Nbd.INT, 0, Nbd.NBD_STRUCTURED_REPLY_MAGIC);
        head.set(Nbd.SHORT, 4, (short) Nbd.NBD_REPLY_FLAG_DONE);
        head.set(Nbd.SHORT, 6, (short) type);
        head.set(Nbd.LONG, 8, cookie);
        head.set(Nbd.INT, 16, chunkLength);
        return Nbd.CHUNK_BYTES;
    }

    /** Writes an error chunk with its message; returns its length. */
    int errorChunk() {
        byte[] text = message == null ? new byte[0] : message.getBytes(StandardCharsets.UTF_8);
        int room = HEAD - Nbd.CHUNK_BYTES - 6;
        int length = Math.min(text.length, room);
        // A character is not cut in two.
        while (length < text.length && length > 0 && (text[length] & 0xc0) == 0x80) {
            length--;
        }
        chunk(Nbd.NBD_REPLY_TYPE_ERROR, 6 + length);
        head.set(Nbd.INT, 20, error);
        head.set(Nbd.SHORT, 24, (short) length);
        MemorySegment.copy(MemorySegment.ofArray(text), 0, head, 26, length);
        return Nbd.CHUNK_BYTES + 6 + length;
    }
}
