package dev.vz.virtio.vsock;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A socket device (virtio 1.3, 5.10) with streams. The guest connects to ports that the host {@link #listen listens} on,
 * the host {@link #connect connects} to ports of the guest. Methods of the host's side may be called from any thread.
 */
public final class VsockDevice implements VirtioDevice<VsockState> {

    /** The device's type. */
    public static final int TYPE = 19;
    /** The host's address. */
    public static final long HOST_CID = 2;
    /** Streams at a time; further ones are refused. */
    public static final int MOST_CONNECTIONS = 1024;

    static final long STREAM = 1;
    private static final int QUEUE_SIZE = 128;
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;
    private static final int EVENT = 2;
    private static final int QUEUES = 3;
    private static final int FIRST_OWN_PORT = 1 << 30;
    private static final int TRANSPORT_RESET = 0;
    /** Refusals that wait for a buffer; until some are sent no more is taken from the guest. */
    private static final int MOST_REFUSALS = 256;

    private final long guestCid;
    private final ConfigSpace config;
    private final Map<Integer, VsockAcceptor> listeners = new ConcurrentHashMap<>();
    private final Map<Long, VsockConnection> connections = new ConcurrentHashMap<>();
    /** Acceptors that have not returned. */
    private final AtomicInteger accepting = new AtomicInteger();
    private final DescriptorChain sendChain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(sendChain);
    private final Packet arriving = new Packet();
    private final DescriptorChain receiveChain = new DescriptorChain();
    private final ChainWriter writer = new ChainWriter(receiveChain);
    private final Packet leaving = new Packet();
    private final DescriptorChain eventChain = new DescriptorChain();
    private final ChainWriter eventWriter = new ChainWriter(eventChain);

    /** Guards the line of connections with something for the guest, and the refusals. */
    private final ReentrantLock lineLock = new ReentrantLock();
    private final ArrayDeque<VsockConnection> line = new ArrayDeque<>();
    private final long[] refusals = new long[MOST_REFUSALS];
    private int refusalCount;
    private int nextPort = FIRST_OWN_PORT;
    private volatile @Nullable QueueBatch receiveQueue;
    private volatile @Nullable QueueBatch sendQueue;
    private volatile @Nullable QueueBatch eventQueue;
    private volatile boolean resetDue;
    private volatile long features;

    /** A device of the guest with the address {@code guestCid}, 3 to 2³²−2. */
    public VsockDevice(long guestCid) {
        if (guestCid < 3 || guestCid > 0xFFFF_FFFEL) {
            throw new ConfigurationException("A guest's vsock address is 3 to 4294967294, not " + guestCid);
        }
        this.guestCid = guestCid;
        config = new ConfigSpace(
                ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(guestCid).array());
    }

    // ---------------------------------------------------------------------------------------------- host's side

    /** The guest's address. */
    public long guestCid() {
        return guestCid;
    }

    /** Gives streams that the guest opens to {@code port} of the host to {@code acceptor}, instead of refusing them. */
    public void listen(int port, VsockAcceptor acceptor) {
        if (listeners.putIfAbsent(port, acceptor) != null) {
            throw new ConfigurationException("Somebody listens on vsock port " + Integer.toUnsignedString(port)
                    + " already");
        }
    }

    /** Refuses further streams to {@code port}; those that are open stay so. */
    public void unlisten(int port) {
        listeners.remove(port);
    }

    /**
     * Opens a stream to {@code port} of the guest, and waits for the guest to take it. For virtual threads.
     *
     * @throws IOException if the guest refuses, or does not answer in time
     */
    public VsockConnection connect(int port, long timeout, TimeUnit unit) throws IOException {
        VsockConnection connection = null;
        lineLock.lock();
        try {
            if (connections.size() < MOST_CONNECTIONS) {
                do {
                    nextPort = nextPort == -2 ? FIRST_OWN_PORT : nextPort + 1;
                } while (connections.containsKey(key(port, nextPort)));
                connection = new VsockConnection(this, port, nextPort, false);
                connections.put(key(port, nextPort), connection);
            }
        } finally {
            lineLock.unlock();
        }
        if (connection == null) {
            throw new IOException("There are " + MOST_CONNECTIONS + " vsock streams already; close some");
        }
        attend(connection);
        if (!connection.awaitOpen(timeout, unit)) {
            cut(connection);
            throw new IOException(connection + ": the guest does not take it; does anybody listen there?");
        }
        return connection;
    }

    private static long key(int guestPort, int hostPort) {
        return (long) guestPort << 32 | hostPort & 0xFFFF_FFFFL;
    }

    /** There is something in {@code connection} for the guest. */
    void attend(VsockConnection connection) {
        lineLock.lock();
        try {
            if (!connection.inLine) {
                connection.inLine = true;
                line.add(connection);
            }
        } finally {
            lineLock.unlock();
        }
        wake(receiveQueue);
    }

    private static void wake(@Nullable QueueBatch queue) {
        if (queue != null) {
            queue.wake();
        }
    }

    // --------------------------------------------------------------------------------------------------- device

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-vsock";
    }

    @Override
    public long features() {
        return STREAM;
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    @Override
    public int queues() {
        return QUEUES;
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

    @Override
    public void process(QueueBatch batch) {
        switch (batch.queue()) {
            case RECEIVE -> receive(batch);
            case TRANSMIT -> transmit(batch);
            case EVENT -> event(batch);
            default -> batch.fault("there is no queue " + batch.queue());
        }
    }

    /** From the guest. */
    private void transmit(QueueBatch batch) {
        sendQueue = batch;
        while (!isFullOfRefusals() && batch.next(sendChain)) {
            reader.reset(sendChain);
            if (sendChain.writableBytes() > 0 || !arriving.read(reader)) {
                batch.fault("a vsock packet has " + sendChain.readableBytes() + " bytes to read and "
                        + sendChain.writableBytes() + " to write; at least 44 and 0 are needed (5.10.6)");
                return;
            }
            // Anybody else's packets are dropped: the guest may not speak for others (5.10.6.1).
            if (arriving.srcCid() == guestCid && arriving.dstCid() == HOST_CID) {
                handle();
            }
            batch.complete(sendChain, 0);
        }
    }

    private void handle() {
        int guestPort = arriving.srcPort();
        int hostPort = arriving.dstPort();
        VsockConnection connection = connections.get(key(guestPort, hostPort));
        if (arriving.type() != Packet.TYPE_STREAM) {
            refuse(guestPort, hostPort);
        } else if (arriving.op() == Packet.OP_RST) {
            drop(connection);
        } else if (arriving.op() == Packet.OP_REQUEST) {
            request(guestPort, hostPort, connection);
        } else if (connection == null) {
            refuse(guestPort, hostPort);
        } else if (connection.arrived(arriving, reader)) {
            attendIfNeeded(connection);
        } else {
            drop(connection);
            refuse(guestPort, hostPort);
        }
    }

    private void attendIfNeeded(VsockConnection connection) {
        if (connection.hasWork()) {
            attend(connection);
        }
    }

    private void request(int guestPort, int hostPort, @Nullable VsockConnection existing) {
        VsockAcceptor acceptor = listeners.get(hostPort);
        if (existing != null) {
            drop(existing);
        }
        // Whoever opens and resets without end leaves behind a thread each time until its acceptor has noticed.
        if (acceptor == null || existing != null || accepting.get() >= MOST_CONNECTIONS
                || connections.size() >= MOST_CONNECTIONS && !reap()) {
            refuse(guestPort, hostPort);
            return;
        }
        var connection = new VsockConnection(this, guestPort, hostPort, true);
        // Credit comes with the request already.
        connection.arrivedCredit(arriving);
        connections.put(key(guestPort, hostPort), connection);
        attend(connection);
        accepting.incrementAndGet();
        Thread.ofVirtual().name("vsock " + Integer.toUnsignedString(hostPort)).start(() -> {
            try {
                acceptor.accept(connection);
            } finally {
                accepting.decrementAndGet();
            }
        });
    }

    /** Makes room by giving up a stream that the host has closed and the guest has not agreed to end. */
    private boolean reap() {
        for (VsockConnection connection : connections.values()) {
            if (connection.isClosing()) {
                cut(connection);
                return true;
            }
        }
        return false;
    }

    private void cut(VsockConnection connection) {
        drop(connection);
        refuse(connection.guestPort(), connection.hostPort());
    }

    private void drop(@Nullable VsockConnection connection) {
        if (connection != null) {
            connections.remove(key(connection.guestPort(), connection.hostPort()), connection);
            connection.end();
        }
    }

    private boolean isFullOfRefusals() {
        lineLock.lock();
        try {
            return refusalCount == MOST_REFUSALS;
        } finally {
            lineLock.unlock();
        }
    }

    private void refuse(int guestPort, int hostPort) {
        lineLock.lock();
        try {
            if (refusalCount < MOST_REFUSALS) {
                refusals[refusalCount++] = key(guestPort, hostPort);
            }
        } finally {
            lineLock.unlock();
        }
        wake(receiveQueue);
    }

    /** To the guest. */
    private void receive(QueueBatch batch) {
        receiveQueue = batch;
        boolean wasFull = isFullOfRefusals();
        while (hasSomething() && batch.next(receiveChain)) {
            writer.reset(receiveChain);
            if (receiveChain.readableBytes() > 0 || writer.remaining() <= Packet.HEADER) {
                batch.fault("a vsock receive buffer has " + receiveChain.readableBytes() + " bytes to read and "
                        + receiveChain.writableBytes() + " to write; 0 and more than 44 are needed (5.10.6)");
                return;
            }
            if (writeOne()) {
                batch.complete(receiveChain, (int) writer.written());
            } else {
                batch.undo(receiveChain);
            }
        }
        if (wasFull && !isFullOfRefusals()) {
            wake(sendQueue);
        }
    }

    private boolean hasSomething() {
        lineLock.lock();
        try {
            return refusalCount > 0 || !line.isEmpty();
        } finally {
            lineLock.unlock();
        }
    }

    private boolean writeOne() {
        lineLock.lock();
        try {
            if (refusalCount > 0) {
                long key = refusals[--refusalCount];
                writer.write(leaving.fill(guestCid, (int) key, (int) (key >>> 32), 0, Packet.OP_RST, 0, 0, 0), 0,
                        Packet.HEADER);
                return true;
            }
        } finally {
            lineLock.unlock();
        }
        VsockConnection connection;
        lineLock.lock();
        try {
            connection = line.poll();
            if (connection == null) {
                return false;
            }
            connection.inLine = false;
        } finally {
            lineLock.unlock();
        }
        boolean written = connection.write(leaving, writer, guestCid);
        // To the end of the line: streams take turns.
        attendIfNeeded(connection);
        return written;
    }

    private void event(QueueBatch batch) {
        eventQueue = batch;
        if (resetDue && batch.next(eventChain)) {
            eventWriter.reset(eventChain);
            resetDue = !eventWriter.writeLittleEndian(4, TRANSPORT_RESET);
            batch.complete(eventChain, (int) eventWriter.written());
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A buffer is given back before the next one is taken.
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        features = 0;
        receiveQueue = null;
        sendQueue = null;
        eventQueue = null;
        resetDue = false;
        dropAll();
    }

    private void dropAll() {
        connections.values().forEach(this::drop);
        lineLock.lock();
        try {
            line.forEach(connection -> connection.inLine = false);
            line.clear();
            refusalCount = 0;
        } finally {
            lineLock.unlock();
        }
    }

    @Override
    public Class<VsockState> stateType() {
        return VsockState.class;
    }

    @Override
    public VsockState save() {
        return new VsockState(guestCid, features);
    }

    /** Streams of the guest that was saved are gone: it is told (5.10.6.7). */
    @Override
    public void restore(VsockState state) {
        if (state.guestCid() != guestCid) {
            throw new FormatException("The saved state is of a guest with the vsock address " + state.guestCid()
                    + ", this one has " + guestCid);
        }
        dropAll();
        features = state.features();
        resetDue = true;
        wake(eventQueue);
    }

    @Override
    public void close() {
        dropAll();
    }

    @Override
    public String toString() {
        return name() + " of guest " + guestCid;
    }
}
