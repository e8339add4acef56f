package dev.vz.virtio.block;

import dev.vz.block.BlockRequest;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import org.jspecify.annotations.Nullable;

/** One request between its ring and the host's disk. Reused. */
final class InFlight {
    final DescriptorChain chain = new DescriptorChain();
    final ChainReader reader = new ChainReader(chain);
    final ChainWriter writer = new ChainWriter(chain);
    final BlockRequest request = new BlockRequest();
    /** Bytes that the host's disk puts into the chain. */
    long dataBytes;
    int status;
    @Nullable
    InFlight next;
}
