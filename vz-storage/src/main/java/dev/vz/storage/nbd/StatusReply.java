package dev.vz.storage.nbd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Makes the reply to NBD_CMD_BLOCK_STATUS: one chunk for each context. */
final class StatusReply {

    private static final int DESCRIPTOR = 8;

    private StatusReply() {}

    /** All chunks, the last one done. */
    static MemorySegment of(ServerRequest request, List<MetadataContext> contexts, boolean one, int most) {
        MemorySegment reply = Arena.ofAuto()
                .allocate(contexts.size() * (Nbd.CHUNK_BYTES + 4L + (one ? 1L : most) * DESCRIPTOR));
        long at = 0;
        for (int i = 0; i < contexts.size(); i++) {
            boolean last = i == contexts.size() - 1;
            at = chunk(reply, at, request, contexts.get(i), i, one ? 1 : most, last);
        }
        return reply.asSlice(0, at);
    }

    private static long chunk(MemorySegment reply, long start, ServerRequest request, MetadataContext context, int id,
            int most, boolean last) {
        long at = start + Nbd.CHUNK_BYTES + 4;
        int runs = 0;
        long offset = request.offset;
        long end = request.offset + request.length;
        long length = 0;
        int flags = 0;
        while (offset < end) {
            MetadataContext.Run run = context.run(offset, end - offset);
            // A run that is empty or too long would have the reply say something about other bytes.
            long checked = Math.clamp(run.length(), 1, end - offset);
            offset += checked;
            if (length > 0 && run.flags() == flags) {
                length += checked;
                continue;
            }
            if (length > 0) {
                at = put(reply, at, length, flags);
                if (++runs == most) {
                    length = 0;
                    break;
                }
            }
            length = checked;
            flags = run.flags();
        }
        if (length > 0) {
            at = put(reply, at, length, flags);
        }
        reply.set(Nbd.INT, start, Nbd.NBD_STRUCTURED_REPLY_MAGIC);
        reply.set(Nbd.SHORT, start + 4, (short) (last ? Nbd.NBD_REPLY_FLAG_DONE : 0));
        reply.set(Nbd.SHORT, start + 6, (short) Nbd.NBD_REPLY_TYPE_BLOCK_STATUS);
        reply.set(Nbd.LONG, start + 8, request.cookie);
        reply.set(Nbd.INT, start + 16, (int) (at - start - Nbd.CHUNK_BYTES));
        reply.set(Nbd.INT, start + 20, id + 1);
        return at;
    }

    private static long put(MemorySegment reply, long at, long length, int flags) {
        reply.set(Nbd.INT, at, (int) length);
        reply.set(Nbd.INT, at + 4, flags);
        return at + DESCRIPTOR;
    }
}
