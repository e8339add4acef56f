package dev.vz.virtio.block;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.ConfigurationException;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.disk.DiskRequest;
import dev.vz.virtio.disk.RequestPool;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The disk that a guest sees (virtio 1.3, 5.2), over a {@link BlockDevice} that it owns.
 *
 * <p>
 * Data goes between guest memory and the host's disk without a copy. While the driver has write-back caching switched off,
 * or has not accepted VIRTIO_BLK_F_FLUSH, every write is durable when it completes (5.2.5.2).
 */
public final class BlockFrontend implements VirtioDevice<BlockState> {

    /** The device's type. */
    public static final int TYPE = 2;

    /** Feature bits (5.2.3). */
    static final long SIZE_MAX = 1L << 1;
    static final long SEG_MAX = 1L << 2;
    static final long RO = 1L << 5;
    static final long BLK_SIZE = 1L << 6;
    static final long FLUSH = 1L << 9;
    static final long TOPOLOGY = 1L << 10;
    static final long CONFIG_WCE = 1L << 11;
    static final long MQ = 1L << 12;
    static final long DISCARD = 1L << 13;
    static final long WRITE_ZEROES = 1L << 14;

    /** Request types (5.2.6). */
    static final int T_IN = 0;
    static final int T_OUT = 1;
    static final int T_FLUSH = 4;
    static final int T_GET_ID = 8;
    static final int T_DISCARD = 11;
    static final int T_WRITE_ZEROES = 13;

    /** Status bytes. */
    static final int S_OK = DiskRequest.OK;
    static final int S_IOERR = DiskRequest.FAILED;
    static final int S_UNSUPP = 2;

    private static final int HEADER = 16;
    private static final int RANGE = 16;
    private static final int ID_BYTES = 20;
    private static final int MOST_QUEUES = 64;
    private static final int QUEUE_SIZE = 256;

    private final BlockDevice disk;
    private final BlockInfo info;
    private final ConfigSpace config;
    private final MemorySegment id;
    private final List<RequestPool<DiskRequest>> pools;
    private volatile long features;
    private volatile boolean writeback = true;

    /**
     * A disk with one queue.
     *
     * @param serial what the guest reads as its id: up to 20 ASCII characters
     */
    public BlockFrontend(BlockDevice disk, String serial) {
        this(disk, serial, 1);
    }

    /** The same with {@code queues} queues, 1 to 64. */
    public BlockFrontend(BlockDevice disk, String serial, int queues) {
        byte[] ascii = serial.getBytes(StandardCharsets.US_ASCII);
        if (queues < 1 || queues > MOST_QUEUES || ascii.length > ID_BYTES) {
            throw new ConfigurationException("A virtio disk has 1 to " + MOST_QUEUES + " queues and an id of up to "
                    + ID_BYTES + " characters, not " + queues + " queues and \"" + serial + "\"");
        }
        this.disk = disk;
        this.info = disk.info();
        this.id = MemorySegment.ofArray(Arrays.copyOf(ascii, ID_BYTES));
        this.config = new ConfigSpace(BlockConfig.of(info, queues, QUEUE_SIZE).encode())
                .writable(BlockConfig.WRITEBACK, 1, (offset, value) -> writeback = (value & 1) != 0);
        this.pools = Stream.generate(() -> new RequestPool<>(QUEUE_SIZE, DiskRequest::new)).limit(queues).toList();
        if (disk instanceof BlockDevice.Resizable resizable) {
            resizable.onResize(() -> config.set(BlockConfig.CAPACITY, 8, disk.info().size() / BlockConfig.SECTOR));
        }
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-blk";
    }

    @Override
    public long features() {
        long bits = SEG_MAX | BLK_SIZE | FLUSH | TOPOLOGY | CONFIG_WCE;
        if (info.maxTransfer() < 1 << 30) {
            bits |= SIZE_MAX;
        }
        if (pools.size() > 1) {
            bits |= MQ;
        }
        if (info.readOnly()) {
            bits |= RO;
        } else {
            bits |= WRITE_ZEROES | (info.discardGranularity() > 0 ? DISCARD : 0);
        }
        return bits;
    }

    @Override
    public int queues() {
        return pools.size();
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
    public void negotiated(long agreed) {
        features = agreed;
    }

    // ------------------------------------------------------------------------------------------------- requests

    @Override
    public void process(QueueBatch batch) {
        RequestPool<DiskRequest> pool = pools.get(batch.queue());
        giveBack(batch, pool);
        for (DiskRequest request = pool.take(batch); request != null; request = pool.take(batch)) {
            if (!batch.next(request.chain)) {
                pool.giveBack(request);
                break;
            }
            String fault = begin(batch, pool, request);
            if (fault != null) {
                pool.giveBack(request);
                batch.fault(fault);
                break;
            }
        }
        // Disks that complete at once have by now, and their requests go into this batch.
        giveBack(batch, pool);
    }

    @Override
    public void drain(QueueBatch batch) {
        RequestPool<DiskRequest> pool = pools.get(batch.queue());
        pool.awaitQuiet();
        giveBack(batch, pool);
    }

    private void giveBack(QueueBatch batch, RequestPool<DiskRequest> pool) {
        for (DiskRequest done = pool.completed(); done != null; done = pool.completed()) {
            finish(batch, done);
            pool.giveBack(done);
        }
    }

    /** Starts a request; what the driver did wrong, if there is not even a place for a status. */
    private @Nullable String begin(QueueBatch batch, RequestPool<DiskRequest> pool, DiskRequest request) {
        request.reader.reset(request.chain);
        request.writer.reset(request.chain);
        request.dataBytes = 0;
        if (request.chain.readableBytes() < HEADER || request.chain.writableBytes() < 1) {
            return "a block request has " + request.chain.readableBytes() + " bytes to read and "
                    + request.chain.writableBytes() + " to write; at least 16 and 1 are needed (5.2.6)";
        }
        int type = (int) request.reader.readLittleEndian(4);
        request.reader.skip(4);
        long sector = request.reader.readLittleEndian(8);
        int refused = switch (type) {
            case T_IN -> read(request, sector);
            case T_OUT -> write(request, sector);
            case T_FLUSH -> flush(request);
            case T_DISCARD -> range(request, Operation.DISCARD, DISCARD);
            case T_WRITE_ZEROES -> range(request, Operation.WRITE_ZEROES, WRITE_ZEROES);
            case T_GET_ID -> getId(request);
            default -> S_UNSUPP;
        };
        if (type == T_GET_ID || refused != S_OK) {
            request.status = refused;
            finish(batch, request);
            pool.giveBack(request);
            return null;
        }
        pool.submitting();
        disk.submit(request.request);
        return null;
    }

    /** Writes the status, the last byte that the driver gave (5.2.6), and gives the chain back. */
    private void finish(QueueBatch batch, DiskRequest request) {
        if (request.status == S_OK) {
            // Written through the pieces' own segments; this notes it.
            request.writer.advance(request.dataBytes);
        }
        request.writer.advance(request.writer.remaining() - 1);
        request.writer.writeByte(request.status);
        batch.complete(request.chain, (int) Math.min(Integer.MAX_VALUE, request.writer.written()));
    }

    private boolean onDisk(long sector, long bytes) {
        long sectors = disk.info().size() / BlockConfig.SECTOR;
        return bytes % BlockConfig.SECTOR == 0 && sector >= 0 && sector <= sectors
                && bytes / BlockConfig.SECTOR <= sectors - sector;
    }

    private int read(DiskRequest request, long sector) {
        long bytes = request.writer.remaining() - 1;
        if (!onDisk(sector, bytes) || bytes > info.maxTransfer()) {
            return S_IOERR;
        }
        request.request.prepare(Operation.READ, sector * BlockConfig.SECTOR, bytes, 0);
        request.addWritable(0, bytes);
        request.dataBytes = bytes;
        return S_OK;
    }

    private int write(DiskRequest request, long sector) {
        long bytes = request.reader.remaining();
        if (info.readOnly() || !onDisk(sector, bytes) || bytes > info.maxTransfer()) {
            return S_IOERR;
        }
        request.request.prepare(Operation.WRITE, sector * BlockConfig.SECTOR, bytes, durability());
        request.addReadable(bytes);
        return S_OK;
    }

    /** Without a cache that the driver can flush, each write has to last (5.2.5.2). */
    private int durability() {
        boolean cached = (features & FLUSH) != 0 && writeback;
        return cached ? 0 : BlockRequest.FUA;
    }

    private static int flush(DiskRequest request) {
        request.request.prepare(Operation.FLUSH, 0, 0, 0);
        return S_OK;
    }

    /** Discard and write zeroes: one range of sector, number of sectors and flags (5.2.6). */
    private int range(DiskRequest request, Operation operation, long feature) {
        if ((features & feature) == 0) {
            return S_UNSUPP;
        }
        if (request.reader.remaining() != RANGE) {
            return S_IOERR;
        }
        long sector = request.reader.readLittleEndian(8);
        long sectors = request.reader.readLittleEndian(4);
        int flags = (int) request.reader.readLittleEndian(4);
        boolean zeroes = operation == Operation.WRITE_ZEROES;
        // Bit 0 asks to unmap, which only write zeroes knows; the others are reserved (5.2.6.2).
        if ((flags & (zeroes ? ~1 : ~0)) != 0) {
            return S_UNSUPP;
        }
        if (sectors > BlockConfig.MAX_RANGE_SECTORS || !onDisk(sector, sectors * BlockConfig.SECTOR)) {
            return S_IOERR;
        }
        int how = zeroes ? durability() | ((flags & 1) != 0 ? BlockRequest.MAY_UNMAP : 0) : 0;
        request.request.prepare(operation, sector * BlockConfig.SECTOR, sectors * BlockConfig.SECTOR, how);
        return S_OK;
    }

    private int getId(DiskRequest request) {
        if (request.writer.remaining() - 1 < ID_BYTES) {
            return S_IOERR;
        }
        request.writer.write(id, 0, ID_BYTES);
        return S_OK;
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        features = 0;
        writeback = true;
        config.write(BlockConfig.WRITEBACK, 1, 1);
    }

    @Override
    public Class<BlockState> stateType() {
        return BlockState.class;
    }

    @Override
    public BlockState save() {
        return new BlockState(features, writeback);
    }

    @Override
    public void restore(BlockState state) {
        features = state.features();
        config.write(BlockConfig.WRITEBACK, 1, state.writeback() ? 1 : 0);
    }

    @Override
    public void close() {
        disk.close();
    }

    @Override
    public String toString() {
        return name();
    }
}
