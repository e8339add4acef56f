package dev.vz.virtio.entropy;

import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.random.RandomGenerator;

/**
 * Gives the guest random bytes (virtio 1.3, 5.4). A request gets {@link #MOST} bytes at the most, however long its buffer
 * is, so that no guest keeps the host busy with one descriptor.
 */
public final class EntropyDevice implements VirtioDevice<EntropyState> {

    /** The device's type. */
    public static final int TYPE = 4;
    /** Bytes that one request gets at the most. */
    public static final int MOST = 4096;
    private static final int QUEUE_SIZE = 256;

    private final RandomGenerator source;
    private final ConfigSpace config = new ConfigSpace(new byte[0]);
    private final byte[] bytes = new byte[MOST];
    private final MemorySegment segment = MemorySegment.ofArray(bytes);
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainWriter writer = new ChainWriter(chain);

    /** A device that asks the host's cryptographic generator. */
    public EntropyDevice() {
        this(new SecureRandom());
    }

    /** A device that asks {@code source}; a guest takes what it gets for unpredictable. */
    public EntropyDevice(RandomGenerator source) {
        this.source = source;
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-rng";
    }

    @Override
    public long features() {
        return 0;
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    @Override
    public int queues() {
        return 1;
    }

    @Override
    public int queueSize(int index) {
        return QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void negotiated(long features) {
        // Nothing to agree on.
    }

    @Override
    public void process(QueueBatch batch) {
        while (batch.next(chain)) {
            if (chain.readableBytes() > 0) {
                batch.fault("an entropy request has " + chain.readableBytes() + " bytes to read (5.4.6.1)");
                return;
            }
            writer.reset(chain);
            int length = (int) Math.min(MOST, chain.writableBytes());
            source.nextBytes(bytes);
            writer.write(segment, 0, length);
            batch.complete(chain, length);
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A request is answered before the next one is taken.
    }

    @Override
    public void reset() {
        // Nothing is remembered.
    }

    @Override
    public Class<EntropyState> stateType() {
        return EntropyState.class;
    }

    @Override
    public EntropyState save() {
        return new EntropyState();
    }

    @Override
    public void restore(EntropyState state) {
        // Nothing is remembered.
    }

    @Override
    public void close() {
        // Nothing is held.
    }

    @Override
    public String toString() {
        return name();
    }
}
