package dev.vz.storage.nbd;

import dev.vz.block.BlockCompletion;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A request that the server cannot take as it is: too long, from the Java heap, zeros where it knows none, or durable
 * where it only knows flushes. Goes out in parts, one after another. Not the fast way, so it allocates.
 */
final class SplitRequest implements BlockCompletion {

    private static final int PART = 1 << 20;

    private final NbdClient client;
    private final BlockRequest whole;
    private final long limit;
    private final int command;
    private final int flags;
    private final boolean flush;
    private final boolean data;
    private final MemorySegment bounce;
    private final BlockRequest part = new BlockRequest().onCompletion(this);
    private long done;
    private boolean flushing;

    private SplitRequest(NbdClient client, BlockRequest whole, long limit, boolean flush) {
        this.client = client;
        this.whole = whole;
        this.flush = flush;
        ExportInfo export = client.export();
        boolean zeros = whole.operation() == Operation.WRITE_ZEROES;
        boolean emulated = zeros && !export.canZero();
        data = whole.operation() == Operation.READ || whole.operation() == Operation.WRITE || emulated;
        this.limit = data ? Math.min(limit, Math.min(PART, export.maximumPayload())) : limit;
        bounce = data ? Arena.ofAuto().allocate(Math.clamp(whole.length(), 1, this.limit)) : MemorySegment.NULL;
        command = switch (whole.operation()) {
            case READ -> Nbd.NBD_CMD_READ;
            case WRITE -> Nbd.NBD_CMD_WRITE;
            case DISCARD -> Nbd.NBD_CMD_TRIM;
            case FLUSH -> Nbd.NBD_CMD_FLUSH;
            case WRITE_ZEROES -> emulated ? Nbd.NBD_CMD_WRITE : Nbd.NBD_CMD_WRITE_ZEROES;
        };
        int fua = whole.has(BlockRequest.FUA) && export.canFua() && command != Nbd.NBD_CMD_READ
                ? Nbd.NBD_CMD_FLAG_FUA
                : 0;
        flags = fua | (zeros && !emulated && !whole.has(BlockRequest.MAY_UNMAP) ? Nbd.NBD_CMD_FLAG_NO_HOLE : 0)
                | (zeros && !emulated && whole.has(BlockRequest.FAST_ONLY) ? Nbd.NBD_CMD_FLAG_FAST_ZERO : 0);
    }

    /** Carries {@code whole} out in parts of at most {@code limit} bytes, with a flush at the end if wanted. */
    static void of(NbdClient client, BlockRequest whole, long limit, boolean flush) {
        new SplitRequest(client, whole, limit, flush).next();
    }

    private void next() {
        long length = Math.min(limit, whole.length() - done);
        if (length <= 0) {
            if (flush && !flushing && client.export().canFlush()) {
                flushing = true;
                client.send(part.prepare(Operation.FLUSH, 0, 0, 0), Nbd.NBD_CMD_FLUSH, 0);
            } else {
                whole.complete(BlockResult.OK);
            }
            return;
        }
        part.prepare(whole.operation(), whole.offset() + done, length, 0);
        if (data) {
            MemorySegment piece = bounce.asSlice(0, length);
            if (whole.operation() == Operation.WRITE) {
                copy(piece, true);
            }
            part.addBuffer(piece);
        }
        client.send(part, command, flags);
    }

    @Override
    public void completed(BlockRequest request, BlockResult result) {
        if (result != BlockResult.OK) {
            Throwable cause = request.cause();
            if (cause == null) {
                whole.complete(result);
            } else {
                whole.fail(result, cause);
            }
            return;
        }
        if (!flushing) {
            if (whole.operation() == Operation.READ) {
                copy(bounce.asSlice(0, request.length()), false);
            }
            done += request.length();
        }
        next();
    }

    /** Copies between {@code piece} and the whole's buffers from {@link #done} on. */
    private void copy(MemorySegment piece, boolean toPiece) {
        long skip = done;
        long moved = 0;
        for (int i = 0; i < whole.bufferCount() && moved < piece.byteSize(); i++) {
            long length = whole.bufferLength(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long here = Math.min(length - skip, piece.byteSize() - moved);
            if (toPiece) {
                MemorySegment.copy(whole.segment(i), whole.bufferOffset(i) + skip, piece, moved, here);
            } else {
                MemorySegment.copy(piece, moved, whole.segment(i), whole.bufferOffset(i) + skip, here);
            }
            moved += here;
            skip = 0;
        }
    }
}
