package dev.vz.virtio.disk;

import dev.vz.block.BlockRequest;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import org.jspecify.annotations.Nullable;

/** One request between its ring and the host's disk. Reused; of one queue. */
public class DiskRequest {

    /** {@link #status}: the host's disk has done it. */
    public static final int OK = 0;
    /** {@link #status}: the host's disk has failed. */
    public static final int FAILED = 1;

    /** The driver's buffers. */
    public final DescriptorChain chain = new DescriptorChain();
    /** Reads what the driver gave. */
    public final ChainReader reader = new ChainReader(chain);
    /** Writes what the driver gets. */
    public final ChainWriter writer = new ChainWriter(chain);
    /** What is asked of the host's disk. */
    public final BlockRequest request = new BlockRequest();
    /** Bytes that the host's disk puts into the chain. */
    public long dataBytes;
    /** How it ended. */
    public int status;
    @Nullable
    DiskRequest next;

    /** An idle request. */
    public DiskRequest() {}

    /** Has the disk take the next {@code bytes} bytes of {@link #reader}, which has as many. */
    public final void addReadable(long bytes) {
        long left = bytes;
        while (left > 0) {
            long here = Math.min(left, reader.contiguous());
            request.addBuffer(reader.segment(), reader.offset(), here);
            reader.skip(here);
            left -= here;
        }
    }

    /** Has the disk fill the next {@code bytes} bytes behind the first {@code from} of the chain's writable part. */
    public final void addWritable(long from, long bytes) {
        long skip = from;
        long left = bytes;
        for (int i = chain.readablePieces(); left > 0; i++) {
            long length = chain.length(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long here = Math.min(left, length - skip);
            request.addBuffer(chain.segment(i), chain.offset(i) + skip, here);
            left -= here;
            skip = 0;
        }
    }
}
