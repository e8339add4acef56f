package dev.vz.virtio.pmem;

import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import org.jspecify.annotations.Nullable;

/** A request between its ring and the host's file. Reused. */
final class FlushRequest {
    final DescriptorChain chain = new DescriptorChain();
    final ChainReader reader = new ChainReader(chain);
    final ChainWriter writer = new ChainWriter(chain);
    /** What the driver is answered. */
    int ret;
    @Nullable
    FlushRequest next;
}
