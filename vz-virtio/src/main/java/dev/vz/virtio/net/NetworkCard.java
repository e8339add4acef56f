package dev.vz.virtio.net;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The network card that a guest sees (virtio 1.3, 5.1), on a {@link LinkPort} that it owns.
 *
 * <p>
 * What the driver sends goes to the port on the queue's loop; what arrives at the port goes into the driver's buffers on
 * the thread that brings it. Until the driver says otherwise it receives everything, and one pair of queues is in use.
 */
public final class NetworkCard implements VirtioDevice<NetState> {

    /** The device's type. */
    public static final int TYPE = 1;
    /** Bytes of a hardware address. */
    public static final int ADDRESS = 6;

    private static final int QUEUE_SIZE = 1024;
    private static final int CONTROL_SIZE = 64;
    private static final int MOST_PAIRS = 64;

    private final LinkPort port;
    /** Without a control queue: somebody else answers commands, and only frames come here. */
    private final boolean dataPath;
    private final long ownAddress;
    private final long offered;
    private final int mtu;
    private final ConfigSpace config;
    private final Receiver[] receivers;
    private final Transmitter[] transmitters;
    private final ControlQueue control = new ControlQueue(this);
    private final FlowTable flows = new FlowTable();
    /** A port takes frames from one thread at a time. */
    private final ReentrantLock sending = new ReentrantLock();
    /** Sorting a batch by receivers uses these. */
    private final ReentrantLock sorting = new ReentrantLock();
    private final FrameBatch[] sorted;
    private final FrameSink sink = new Arrivals();
    private volatile ReceiveFilter filter;
    private volatile long features;
    private volatile long offloads;
    private volatile LinkFeatures sent = LinkFeatures.none();
    private volatile LinkFeatures received = LinkFeatures.none();
    private volatile int activePairs = 1;

    /** A card with one pair of queues and the hardware address {@code address}, six bytes of a single station. */
    public NetworkCard(LinkPort port, byte[] address) {
        this(port, address, 1);
    }

    /** The same with {@code pairs} pairs of queues, 1 to 64. */
    public NetworkCard(LinkPort port, byte[] address, int pairs) {
        this(port, address, pairs, false);
    }

    /**
     * The part of a card that carries frames, for a vhost-user front end: it answers its guest's commands itself, and says
     * which of {@code pairs} are used by enabling their queues.
     */
    public static NetworkCard dataPath(LinkPort port, int pairs) {
        return new NetworkCard(port, new byte[ADDRESS], pairs, true);
    }

    private NetworkCard(LinkPort port, byte[] address, int pairs, boolean dataPath) {
        if (address.length != ADDRESS || (address[0] & 1) != 0 || pairs < 1 || pairs > MOST_PAIRS) {
            throw new ConfigurationException("A network card has a six-byte address of a single station and 1 to "
                    + MOST_PAIRS + " pairs of queues, not " + Arrays.toString(address) + " and " + pairs);
        }
        this.port = port;
        this.dataPath = dataPath;
        LinkFeatures link = port.features();
        this.mtu = link.mtu();
        this.offered = NetFeatures.offered(link, pairs) & (dataPath ? NetFeatures.DATA_PATH : -1L);
        this.activePairs = dataPath ? pairs : 1;
        this.ownAddress = toNumber(address);
        this.config = new ConfigSpace(
                new NetConfig(address.clone(), port.isUp() ? NetConfig.LINK_UP : 0, pairs, mtu).encode());
        this.filter = ReceiveFilter.initial(ownAddress);
        receivers = new Receiver[pairs];
        transmitters = new Transmitter[pairs];
        sorted = new FrameBatch[pairs];
        for (int i = 0; i < pairs; i++) {
            receivers[i] = new Receiver(this);
            transmitters[i] = new Transmitter(this, i);
            sorted[i] = new FrameBatch();
        }
        port.onChange(this::linkChanged);
    }

    private static long toNumber(byte[] address) {
        long number = 0;
        for (int i = 0; i < ADDRESS; i++) {
            number |= (address[i] & 0xFFL) << 8 * i;
        }
        return number;
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-net";
    }

    @Override
    public long features() {
        return offered;
    }

    @Override
    public boolean accepts(long agreed) {
        return NetFeatures.consistent(dataPath ? agreed | NetFeatures.CTRL_VQ : agreed);
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    @Override
    public int queues() {
        return 2 * receivers.length + (dataPath ? 0 : 1);
    }

    @Override
    public int queueSize(int index) {
        return index == 2 * receivers.length ? CONTROL_SIZE : QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void negotiated(long agreed) {
        features = agreed;
        sent = NetFeatures.sent(agreed, mtu);
        filter = filter.filteringVlans(NetFeatures.has(agreed, NetFeatures.CTRL_VLAN));
        useOffloads(agreed & NetFeatures.GUEST_OFFLOADS);
    }

    // ------------------------------------------------------------------------------------------------- queues

    /** Without several pairs the control queue follows the first one (5.1.2). */
    private int controlIndex() {
        return dataPath ? -1 : NetFeatures.has(features, NetFeatures.MQ) ? 2 * receivers.length : 2;
    }

    @Override
    public void process(QueueBatch batch) {
        int index = batch.queue();
        if (index == controlIndex()) {
            if (NetFeatures.has(features, NetFeatures.CTRL_VQ)) {
                control.process(batch);
            }
        } else if (index < 2 * receivers.length) {
            if ((index & 1) == 0) {
                receivers[index / 2].attach(batch);
            } else {
                transmitters[index / 2].process(batch);
            }
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A frame is given back before the next one is taken.
    }

    LinkPort port() {
        return port;
    }

    int send(LinkPort to, FrameBatch frames) {
        sending.lock();
        try {
            return to.send(frames);
        } finally {
            sending.unlock();
        }
    }

    void learn(MemorySegment segment, long frame, int length, int pair) {
        if (activePairs > 1) {
            flows.sent(segment, frame, length, pair);
        }
    }

    LinkFeatures sentFeatures() {
        return sent;
    }

    LinkFeatures receivedFeatures() {
        return received;
    }

    boolean mergesBuffers() {
        return NetFeatures.has(features, NetFeatures.MRG_RXBUF);
    }

    ReceiveFilter filter() {
        return filter;
    }

    // ----------------------------------------------------------------------------- for the control queue's thread

    long agreed() {
        return features;
    }

    void filter(ReceiveFilter changed) {
        filter = changed;
    }

    void useAddress(long address) {
        filter = filter.withMac(address);
        config.set(NetConfig.MAC, ADDRESS, address);
    }

    boolean usePairs(int pairs) {
        if (pairs < 1 || pairs > receivers.length) {
            return false;
        }
        flows.forget();
        activePairs = pairs;
        return true;
    }

    boolean useOffloads(long wanted) {
        if ((wanted & ~(features & NetFeatures.GUEST_OFFLOADS)) != 0) {
            return false;
        }
        offloads = wanted;
        received = NetFeatures.received(wanted, mtu);
        // Said again, so that the other end learns what it may leave undone.
        port.receive(sink);
        return true;
    }

    boolean announced() {
        int status = (int) config.read(NetConfig.STATUS, 2);
        if ((status & NetConfig.ANNOUNCE) == 0) {
            return false;
        }
        config.set(NetConfig.STATUS, 2, status & ~NetConfig.ANNOUNCE);
        return true;
    }

    // ---------------------------------------------------------------------------------------------- host's side

    /**
     * Has the guest tell the network where it is, after it was moved (5.1.6.5.4). Without effect where the driver has not
     * accepted VIRTIO_NET_F_GUEST_ANNOUNCE. Any thread.
     */
    public void announce() {
        if (NetFeatures.has(features, NetFeatures.GUEST_ANNOUNCE | NetFeatures.STATUS)) {
            config.set(NetConfig.STATUS, 2, config.read(NetConfig.STATUS, 2) | NetConfig.ANNOUNCE);
        }
    }

    /** What has passed so far. Any thread. */
    public NetCounters counters() {
        long sentFrames = 0;
        long sentBytes = 0;
        long sentDropped = 0;
        long frames = 0;
        long bytes = 0;
        long dropped = 0;
        long filtered = 0;
        for (int i = 0; i < receivers.length; i++) {
            sentFrames += transmitters[i].sentFrames.get();
            sentBytes += transmitters[i].sentBytes.get();
            sentDropped += transmitters[i].dropped.get();
            frames += receivers[i].frames.get();
            bytes += receivers[i].bytes.get();
            dropped += receivers[i].dropped.get();
            filtered += receivers[i].filtered.get();
        }
        return new NetCounters(sentFrames, sentBytes, sentDropped, frames, bytes, dropped, filtered);
    }

    private void linkChanged() {
        int status = (int) config.read(NetConfig.STATUS, 2) & ~NetConfig.LINK_UP;
        config.set(NetConfig.STATUS, 2, status | (port.isUp() ? NetConfig.LINK_UP : 0));
    }

    private final class Arrivals implements FrameSink {
        @Override
        public int accept(FrameBatch batch) {
            int active = activePairs;
            if (active == 1) {
                return receivers[0].accept(batch);
            }
            sorting.lock();
            try {
                for (int i = 0; i < batch.count(); i++) {
                    MemorySegment segment = batch.segment(i);
                    int length = batch.frameLength(i);
                    int pair = length < NetFeatures.ETHERNET ? 0
                            : flows.receiver(segment, batch.frameOffset(i), length, active);
                    sorted[pair].add(batch, i);
                }
                for (int pair = 0; pair < active; pair++) {
                    FrameBatch part = sorted[pair];
                    if (part.count() > 0) {
                        int to = receivers[pair].isAttached() ? pair : 0;
                        receivers[to].countLost(part.count() - receivers[to].accept(part));
                        part.clear();
                    }
                }
            } finally {
                sorting.unlock();
            }
            // Which of them were the first is lost; those without a buffer are counted here.
            return batch.count();
        }

        @Override
        public LinkFeatures features() {
            return received;
        }
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        port.receive(null);
        for (Receiver receiver : receivers) {
            receiver.detach();
        }
        features = 0;
        offloads = 0;
        activePairs = dataPath ? receivers.length : 1;
        flows.forget();
        sent = LinkFeatures.none();
        received = LinkFeatures.none();
        filter = ReceiveFilter.initial(ownAddress);
        config.set(NetConfig.MAC, ADDRESS, ownAddress);
        config.set(NetConfig.STATUS, 2, port.isUp() ? NetConfig.LINK_UP : 0);
    }

    @Override
    public Class<NetState> stateType() {
        return NetState.class;
    }

    @Override
    public NetState save() {
        ReceiveFilter now = filter;
        return new NetState(features, now.mac(), now.modes(), ReceiveFilter.boxed(now.unicast()),
                ReceiveFilter.boxed(now.multicast()), now.overflow(), ReceiveFilter.boxed(now.vlans()), activePairs,
                offloads, (config.read(NetConfig.STATUS, 2) & NetConfig.ANNOUNCE) != 0);
    }

    @Override
    public void restore(NetState state) {
        if ((state.features() & NetFeatures.DEVICE_BITS & ~offered) != 0 || state.vlans().size() != 64
                || state.unicast().size() > ReceiveFilter.MOST || state.multicast().size() > ReceiveFilter.MOST
                || state.activePairs() < 1 || state.activePairs() > receivers.length
                || (state.offloads() & ~(state.features() & NetFeatures.GUEST_OFFLOADS)) != 0) {
            throw new FormatException("The saved state of a network card does not fit this one: " + state);
        }
        features = state.features();
        sent = NetFeatures.sent(features, mtu);
        filter = new ReceiveFilter(state.mac(), state.modes(), new long[0], new long[0], 0,
                ReceiveFilter.unboxed(state.vlans()), NetFeatures.has(features, NetFeatures.CTRL_VLAN))
                .withTables(ReceiveFilter.unboxed(state.unicast()), ReceiveFilter.unboxed(state.multicast()),
                        state.overflow());
        config.set(NetConfig.MAC, ADDRESS, state.mac());
        config.set(NetConfig.STATUS, 2,
                (port.isUp() ? NetConfig.LINK_UP : 0) | (state.announcing() ? NetConfig.ANNOUNCE : 0));
        activePairs = state.activePairs();
        useOffloads(state.offloads());
    }

    @Override
    public void close() {
        port.close();
    }

    @Override
    public String toString() {
        return name() + " on " + port.name();
    }
}
