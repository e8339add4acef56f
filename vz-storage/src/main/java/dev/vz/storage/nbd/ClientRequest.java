package dev.vz.storage.nbd;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** One request that the server has, and what has come back of it. A place in a connection's table, used again. */
final class ClientRequest {

    final int index;
    final MemorySegment head = Arena.ofAuto().allocate(Nbd.REQUEST_BYTES);
    /**
     * Tells replies to this use of the place from late ones to an earlier use. Written last by who submits and read first
     * by who receives: the one's writes are the other's to see.
     */
    private volatile int generation;
    int command;
    @Nullable
    BlockRequest request;
    /** Bytes of a read that have come. */
    long covered;
    int error;
    @Nullable
    String message;
    /** Where the next bytes of data go: a buffer of the request and an offset in it. */
    private int buffer;
    private long at;

    ClientRequest(int index) {
        this.index = index;
    }

    long cookie() {
        return (long) generation << 32 | index;
    }

    void begin(BlockRequest request, int command, int flags) {
        this.request = request;
        this.command = command;
        int used = generation + 1;
        covered = 0;
        error = 0;
        message = null;
        seek(0);
        head.set(Nbd.INT, 0, Nbd.NBD_REQUEST_MAGIC);
        head.set(Nbd.SHORT, 4, (short) flags);
        head.set(Nbd.SHORT, 6, (short) command);
        head.set(Nbd.LONG, 8, (long) used << 32 | index);
        head.set(Nbd.LONG, 16, request.offset());
        head.set(Nbd.INT, 24, (int) request.length());
        generation = used;
    }

    /** The next data is for {@code position} of the range. */
    void seek(long position) {
        buffer = 0;
        at = position;
        BlockRequest current = request;
        if (current != null) {
            while (buffer < current.bufferCount() && at >= current.bufferLength(buffer)
                    && current.bufferCount() > buffer + 1) {
                at -= current.bufferLength(buffer++);
            }
        }
    }

    /** Puts the places for the next {@code length} bytes into {@code vectors}, as far as it has room for them. */
    void direct(IoVectors vectors, long length, int room) {
        BlockRequest current = request;
        long left = length;
        long from = at;
        for (int i = buffer; current != null && left > 0 && i < current.bufferCount() && vectors.count() < room; i++) {
            long here = Math.min(left, current.bufferLength(i) - from);
            if (here > 0) {
                vectors.add(current.segment(i), current.bufferOffset(i) + from, here);
            }
            left -= here;
            from = 0;
        }
    }

    /** {@code length} bytes have arrived in those places. */
    void arrived(long length) {
        covered += length;
        at += length;
        BlockRequest current = request;
        while (current != null && buffer + 1 < current.bufferCount() && at >= current.bufferLength(buffer)) {
            at -= current.bufferLength(buffer++);
        }
    }

    /** Copies {@code length} received bytes to their places. */
    void copy(MemorySegment from, long offset, long length) {
        BlockRequest current = request;
        long done = 0;
        while (current != null && done < length) {
            long here = Math.min(length - done, current.bufferLength(buffer) - at);
            MemorySegment.copy(from, offset + done, current.segment(buffer), current.bufferOffset(buffer) + at, here);
            done += here;
            arrived(here);
        }
    }

    /** The next {@code length} bytes are zeros. */
    void zero(long length) {
        BlockRequest current = request;
        long done = 0;
        while (current != null && done < length) {
            long here = Math.min(length - done, current.bufferLength(buffer) - at);
            current.segment(buffer).asSlice(current.bufferOffset(buffer) + at, here).fill((byte) 0);
            done += here;
            arrived(here);
        }
    }

    BlockResult result() {
        return Nbd.result(error);
    }
}
