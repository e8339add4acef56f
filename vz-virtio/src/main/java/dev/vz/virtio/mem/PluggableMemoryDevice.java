package dev.vz.virtio.mem;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Memory that the guest plugs and unplugs as the host asks (virtio 1.3, 5.15). {@link #request} says how much the guest
 * should have; {@link #plugged} tells how much it has taken.
 *
 * <p>
 * The blocks lie in a region of the guest's memory outside of what the firmware calls RAM. Devices of ours do not use blocks
 * that are not plugged, as the guest's memory ends there. Its processors can: a guest that touches what it has not plugged
 * gets memory that nobody promised to keep, and never more than the region. Unplugged blocks go back to the host at once. Plugged blocks stay when the driver resets the device, for the
 * driver may still use them; the next one begins by unplugging them all (5.15.6). Methods of the host's side may be called
 * from any thread.
 */
public final class PluggableMemoryDevice implements VirtioDevice<PluggableMemoryState> {

    /** The device's type. */
    public static final int TYPE = 24;
    /** Bytes of a block if nothing else is said: what x86-64 maps with one entry. */
    public static final long DEFAULT_BLOCK = 2L << 20;

    /** VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE (5.15.3): the driver keeps off what is not plugged. */
    static final long UNPLUGGED_INACCESSIBLE = 1L << 1;

    /** Request types (5.15.6). */
    static final int REQ_PLUG = 0;
    static final int REQ_UNPLUG = 1;
    static final int REQ_UNPLUG_ALL = 2;
    static final int REQ_STATE = 3;

    /** Response types. */
    static final int RESP_ACK = 0;
    static final int RESP_NACK = 1;
    static final int RESP_ERROR = 3;

    /** What a range is, for {@link #REQ_STATE}. */
    static final int STATE_PLUGGED = 0;
    static final int STATE_UNPLUGGED = 1;
    static final int STATE_MIXED = 2;

    /** Offsets in the configuration space (5.15.4). */
    static final int PLUGGED_SIZE = 40;
    static final int REQUESTED_SIZE = 48;
    private static final int CONFIG_BYTES = 56;

    private static final int REQUEST = 24;
    private static final int RESPONSE = 10;
    private static final int QUEUE_SIZE = 128;

    private final MemoryRegion region;
    private final long blockSize;
    private final BlockMap map;
    private final ConfigSpace config;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final ChainWriter writer = new ChainWriter(chain);
    private volatile Runnable listener = () -> {};

    /** A device that plugs blocks of {@link #DEFAULT_BLOCK} bytes of {@code region}; at first none is wanted. */
    public PluggableMemoryDevice(MemoryRegion region) {
        this(region, DEFAULT_BLOCK);
    }

    /**
     * The same with another size of blocks.
     *
     * @param blockSize bytes: a power of two, 4096 or more, that the region's start and size are multiples of
     * @throws ConfigurationException if they are not
     */
    public PluggableMemoryDevice(MemoryRegion region, long blockSize) {
        if (blockSize < MemoryRequest.PAGE || Long.bitCount(blockSize) != 1
                || (region.guestAddress() | region.size()) % blockSize != 0
                || region.size() / blockSize > Integer.MAX_VALUE / 2) {
            throw new ConfigurationException("The " + region + " does not consist of blocks of " + blockSize
                    + " bytes; a power of two, 4096 or more, is needed");
        }
        this.region = region;
        this.blockSize = blockSize;
        this.map = new BlockMap((int) (region.size() / blockSize));
        // node_id stays 0, and usable_region_size all of the region.
        this.config = new ConfigSpace(ByteBuffer.allocate(CONFIG_BYTES).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(0, blockSize).putLong(16, region.guestAddress()).putLong(24, region.size())
                .putLong(32, region.size()).array());
        region.guard(this::allows);
    }

    private boolean allows(long offset, long length) {
        int first = (int) (offset / blockSize);
        return map.allPlugged(first, (int) ((offset + length - 1) / blockSize) - first + 1);
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-mem";
    }

    @Override
    public long features() {
        return UNPLUGGED_INACCESSIBLE;
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
        // What is not plugged may be touched by any driver; nothing depends on the answer.
    }

    // ---------------------------------------------------------------------------------------------- host's side

    /** Bytes of a block. */
    public long blockSize() {
        return blockSize;
    }

    /** Where the blocks are. */
    public MemoryRegion region() {
        return region;
    }

    /**
     * Asks the guest to have {@code bytes} of the region. It plugs or unplugs when it can; {@link #plugged} tells.
     *
     * @throws ConfigurationException if that is no number of whole blocks, or more than the region has
     */
    public void request(long bytes) {
        if (bytes < 0 || bytes > region.size() || bytes % blockSize != 0) {
            throw new ConfigurationException("A guest cannot have " + bytes + " bytes of " + region.size()
                    + " in blocks of " + blockSize);
        }
        config.set(REQUESTED_SIZE, 8, bytes);
    }

    /** Bytes that the guest should have. */
    public long requested() {
        return config.read(REQUESTED_SIZE, 8);
    }

    /** Bytes that the guest has plugged. */
    public long plugged() {
        return map.count() * blockSize;
    }

    /** Runs {@code listener} after each change of {@link #plugged}. Called on the queue's thread; must not wait. */
    public void onChange(Runnable listener) {
        this.listener = listener;
    }

    // ------------------------------------------------------------------------------------------------- requests

    @Override
    public void process(QueueBatch batch) {
        while (batch.next(chain)) {
            if (chain.readableBytes() < REQUEST || chain.writableBytes() < RESPONSE) {
                batch.fault("a request has " + chain.readableBytes() + " bytes to read and " + chain.writableBytes()
                        + " to write; 24 and 10 are needed (5.15.6)");
                return;
            }
            reader.reset(chain);
            int type = (int) reader.readLittleEndian(2);
            reader.skip(6);
            long address = reader.readLittleEndian(8);
            int blocks = (int) reader.readLittleEndian(2);
            int first = first(address, blocks);
            int state = 0;
            int response;
            switch (type) {
                case REQ_PLUG -> response = plug(first, blocks);
                case REQ_UNPLUG -> response = unplug(first, blocks);
                case REQ_UNPLUG_ALL -> response = unplugAll();
                case REQ_STATE -> {
                    response = first < 0 ? RESP_ERROR : RESP_ACK;
                    state = first < 0 ? 0 : state(first, blocks);
                }
                default -> response = RESP_ERROR;
            }
            writer.reset(chain);
            writer.writeLittleEndian(8, response);
            writer.writeLittleEndian(2, state);
            batch.complete(chain, RESPONSE);
        }
    }

    /** The number of the first of {@code blocks} blocks at {@code address}; -1 if they are not all in the region. */
    private int first(long address, int blocks) {
        long offset = address - region.guestAddress();
        boolean inside = blocks > 0 && Long.compareUnsigned(offset, region.size()) < 0 && offset % blockSize == 0
                && blocks <= (region.size() - offset) / blockSize;
        return inside ? (int) (offset / blockSize) : -1;
    }

    private int plug(int first, int blocks) {
        if (first < 0 || !map.allUnplugged(first, blocks)) {
            return RESP_ERROR;
        }
        // More than is wanted would be taken away again (5.15.6.4).
        if ((map.count() + (long) blocks) * blockSize > requested()) {
            return RESP_NACK;
        }
        map.plug(first, blocks);
        changed();
        return RESP_ACK;
    }

    private int unplug(int first, int blocks) {
        if (first < 0 || !map.allPlugged(first, blocks)) {
            return RESP_ERROR;
        }
        release(first, blocks);
        changed();
        return RESP_ACK;
    }

    private int unplugAll() {
        map.runs().forEach(run -> release(run.first(), run.count()));
        changed();
        return RESP_ACK;
    }

    private int state(int first, int blocks) {
        return map.allPlugged(first, blocks) ? STATE_PLUGGED
                : map.allUnplugged(first, blocks) ? STATE_UNPLUGGED : STATE_MIXED;
    }

    private void release(int first, int blocks) {
        map.unplug(first, blocks);
        if (region.block() instanceof MemoryBlock.Reclaimable block) {
            block.reclaim(region.blockOffset() + first * blockSize, blocks * blockSize);
        }
    }

    /** The driver knows what it did: it is not told again. */
    private void changed() {
        config.answer(PLUGGED_SIZE, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(plugged()).array());
        listener.run();
    }

    @Override
    public void drain(QueueBatch batch) {
        // A request is answered before the next one is taken.
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        // What is plugged stays so: the kernel that plugged it may go on without its driver.
    }

    @Override
    public Class<PluggableMemoryState> stateType() {
        return PluggableMemoryState.class;
    }

    @Override
    public PluggableMemoryState save() {
        return new PluggableMemoryState(blockSize, requested(), map.runs());
    }

    @Override
    public void restore(PluggableMemoryState state) {
        long blocks = region.size() / blockSize;
        if (state.blockSize() != blockSize || state.requestedSize() < 0 || state.requestedSize() > region.size()
                || state.requestedSize() % blockSize != 0
                || !state.plugged().isEmpty()
                        && state.plugged().getLast().first() + state.plugged().getLast().count() > blocks) {
            throw new FormatException("The saved memory does not fit into " + region + " with blocks of " + blockSize
                    + " bytes: " + state);
        }
        map.restore(state.plugged());
        config.set(REQUESTED_SIZE, 8, state.requestedSize());
        changed();
    }

    @Override
    public void close() {
        // The memory is its machine's.
    }

    @Override
    public String toString() {
        return name();
    }
}
