package dev.vz.virtio.vhost;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.RemoteDevice;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The front end of vhost-user: a device that another process works for, found at a Unix socket, for a guest of ours. It is
 * plugged in like any other device; the guest's memory must be of the kind that other processes can map
 * ({@link dev.vz.memory.MemoryRequest#inMemfd}).
 *
 * <p>
 * A back end that hangs up, or does not answer for ten seconds, leaves the device in need of a reset; when the driver has
 * reset it, the socket is tried again. Thread-safe.
 */
public final class VhostUserDevice implements RemoteDevice<VhostUserState> {

    private static final Logger LOG = System.getLogger(VhostUserDevice.class.getName());
    private static final int QUEUE_SIZE = 256;
    private static final int BLOCK = 2;
    private static final int BLOCK_CONFIG = 60;
    private static final int BLOCK_WRITEBACK = 32;
    private static final int BLOCK_QUEUES = 34;
    private static final long BLOCK_MQ = 1L << 12;
    private static final int FOLDER = 26;
    private static final int TAG_BYTES = 36;
    /** Of rings, without those that are the transport's or that a queue's start elsewhere does not carry over. */
    private static final long RINGS = DeviceHost.VERSION_1 | 1L << QueueFeatures.INDIRECT_DESC
            | 1L << QueueFeatures.EVENT_IDX | 1L << QueueFeatures.RING_PACKED | 1L << QueueFeatures.IN_ORDER;
    /** Bits 0 to 23, and 50 and up, are the device type's own. */
    private static final long OWN = 0xFF_FFFFL;

    private final UnixAddress address;
    private final GuestMemory memory;
    private final int type;
    private final String name;
    private final int queues;
    private final ConfigSpace config;
    private final long features;
    private final EpollLoop calls;
    private final Wire[] wires;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable BackEndLink link;
    /** Whether the back end has been told of features and memory since it was connected to. */
    private boolean told;
    private long agreed;
    private EpollLoop.@Nullable Registration watch;
    private volatile Consumer<String> failed = why -> {};

    /** The eventfds of a queue. */
    private final class Wire implements AutoCloseable {
        final EventFd kick = EventFd.nonBlocking();
        final EventFd call = EventFd.nonBlocking();
        private volatile @Nullable Runnable interrupt;
        boolean started;

        Wire() {
            calls.register(call.descriptor(), Readiness.IN, (registration, readiness) -> {
                call.take();
                Runnable now = interrupt;
                if (now != null) {
                    now.run();
                }
            });
        }

        @Override
        public void close() {
            kick.close();
            call.close();
        }
    }

    private VhostUserDevice(UnixAddress address, GuestMemory memory, int type, String name, int queues,
            BackEndLink link, byte[] content) {
        this.address = address;
        this.memory = memory;
        this.type = type;
        this.name = name;
        this.queues = queues;
        this.link = link;
        this.features = link.features() & (RINGS | OWN);
        if ((features & DeviceHost.VERSION_1) == 0) {
            throw new CapabilityException(String.format("The vhost-user back end %s offers the features 0x%x, without"
                    + " VIRTIO_F_VERSION_1; devices from before virtio 1.0 are not supported", address,
                    link.features()));
        }
        config = new ConfigSpace(content);
        if (type == BLOCK) {
            config.writable(BLOCK_WRITEBACK, 1, (offset, value) -> configWritten(offset, 1, value));
        }
        calls = new EpollLoop("vhost-user calls of " + address);
        wires = new Wire[queues];
        for (int i = 0; i < queues; i++) {
            wires[i] = new Wire();
        }
        calls.start();
        watch(link);
    }

    /** Notices when the back end hangs up while nobody asks it anything. */
    private void watch(BackEndLink to) {
        watch = calls.register(to.descriptor(), 0, (registration, readiness) -> {
            lock.lock();
            try {
                if (link == to) {
                    lost("it has hung up");
                }
            } finally {
                lock.unlock();
            }
        });
    }

    @Override
    public void onFailure(Consumer<String> listener) {
        failed = listener;
    }

    /**
     * A disk.
     *
     * @param queues wanted, 1 to 64; fewer if the back end has fewer
     * @throws CapabilityException if the back end is none of a disk
     */
    public static VhostUserDevice block(UnixAddress address, GuestMemory memory, int queues) {
        if (queues < 1 || queues > 64) {
            throw new ConfigurationException("A disk has 1 to 64 queues, not " + queues);
        }
        return connected(address, link -> {
            if (!link.hasConfig()) {
                throw new CapabilityException(
                        "The vhost-user back end " + address + " cannot say how large its disk is:"
                                + " it does not offer VHOST_USER_PROTOCOL_F_CONFIG");
            }
            byte[] content = link.config(BLOCK_CONFIG);
            int own = (link.features() & BLOCK_MQ) == 0 ? 1 : Math.min(queues, link.queueNumber());
            content[BLOCK_QUEUES] = (byte) own;
            content[BLOCK_QUEUES + 1] = 0;
            return new VhostUserDevice(address, memory, BLOCK, "vhost-user-blk", own, link, content);
        });
    }

    /** A shared folder, which the guest mounts by {@code tag}: 1 to 36 bytes. One queue for requests. */
    public static VhostUserDevice folder(UnixAddress address, GuestMemory memory, String tag) {
        byte[] bytes = tag.getBytes(StandardCharsets.UTF_8);
        if (bytes.length < 1 || bytes.length > TAG_BYTES) {
            throw new ConfigurationException("A shared folder's tag has 1 to " + TAG_BYTES + " bytes, not \"" + tag
                    + "\"");
        }
        byte[] content = Arrays.copyOf(bytes, TAG_BYTES + 4);
        content[TAG_BYTES] = 1;
        return connected(address,
                link -> new VhostUserDevice(address, memory, FOLDER, "vhost-user-fs", 2, link, content));
    }

    /**
     * A device of any type whose back end knows its configuration space.
     *
     * @param type        as virtio numbers it
     * @param queues      that it has
     * @param configBytes of its configuration space, 0 to 256
     */
    public static VhostUserDevice of(UnixAddress address, GuestMemory memory, int type, int queues, int configBytes) {
        if (type < 1 || queues < 1 || queues > 256 || configBytes < 0 || configBytes > Protocol.MOST_CONFIG) {
            throw new ConfigurationException("A vhost-user device has a type, 1 to 256 queues and up to 256 bytes of"
                    + " configuration, not " + type + ", " + queues + " and " + configBytes);
        }
        return connected(address, link -> new VhostUserDevice(address, memory, type, "vhost-user-" + type, queues, link,
                link.hasConfig() ? link.config(configBytes) : new byte[configBytes]));
    }

    private static VhostUserDevice connected(UnixAddress address,
            Function<BackEndLink, VhostUserDevice> maker) {
        var link = new BackEndLink(address);
        try {
            return maker.apply(link);
        } catch (RuntimeException | Error failure) {
            link.close();
            throw failure;
        }
    }

    // --------------------------------------------------------------------------------------------- description

    @Override
    public int type() {
        return type;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long features() {
        return features;
    }

    @Override
    public int queues() {
        return queues;
    }

    @Override
    public int queueSize(int index) {
        return QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    private void configWritten(int offset, int size, long value) {
        lock.lock();
        try {
            BackEndLink to = link;
            if (to != null && to.hasConfig()) {
                to.setConfig(offset, size, value);
            }
        } catch (VzException gone) {
            lost(String.valueOf(gone.getMessage()));
        } finally {
            lock.unlock();
        }
    }

    // -------------------------------------------------------------------------------------------------- queues

    @Override
    public void negotiated(long wanted) {
        lock.lock();
        try {
            agreed = wanted;
            told = false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void begin(int index, QueueLayout layout, int base, Runnable interrupt) {
        lock.lock();
        try {
            BackEndLink to = connect();
            if (!told) {
                to.setFeatures(agreed);
                to.setMemory(memory);
                told = true;
            }
            Wire wire = wires[index];
            wire.interrupt = interrupt;
            to.start(index, layout, base, wire.kick, wire.call);
            wire.started = true;
        } catch (VzException failure) {
            lost(String.valueOf(failure.getMessage()));
            throw failure;
        } finally {
            lock.unlock();
        }
    }

    private BackEndLink connect() {
        BackEndLink known = link;
        if (known != null) {
            return known;
        }
        var fresh = new BackEndLink(address);
        if ((agreed & ~fresh.features()) != 0) {
            fresh.close();
            throw new HostException("connecting again", "vhost-user back end " + address, 95, "EOPNOTSUPP",
                    String.format("it does not offer 0x%x any more", agreed & ~fresh.features()));
        }
        link = fresh;
        told = false;
        watch(fresh);
        return fresh;
    }

    private void lost(String why) {
        LOG.log(Level.WARNING, "The vhost-user back end {0} is given up: {1}", address, why);
        giveUp();
        boolean worked = false;
        for (Wire wire : wires) {
            worked |= wire.started;
            wire.started = false;
            wire.interrupt = null;
        }
        if (worked) {
            failed.accept("the vhost-user back end " + address + " is gone: " + why);
        }
    }

    private void giveUp() {
        EpollLoop.Registration watching = watch;
        watch = null;
        if (watching != null) {
            // On the loop: to wait here for a handler that waits for our lock would never end.
            calls.execute(watching::cancel);
        }
        BackEndLink old = link;
        link = null;
        told = false;
        if (old != null) {
            old.close();
        }
    }

    @Override
    public long stop(int index) {
        lock.lock();
        try {
            Wire wire = wires[index];
            BackEndLink to = link;
            if (!wire.started || to == null) {
                return -1;
            }
            int base = to.stop(index);
            wire.started = false;
            // What was called for on the way is called for at once: after this nobody is interrupted.
            if (wire.call.take() > 0) {
                Runnable last = wire.interrupt;
                if (last != null) {
                    last.run();
                }
            }
            wire.interrupt = null;
            return base & 0xFFFF_FFFFL;
        } catch (VzException failure) {
            lost(String.valueOf(failure.getMessage()));
            return -1;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void kick(int index) {
        wires[index].kick.tryAdd(1);
    }

    @Override
    public void reset() {
        lock.lock();
        try {
            told = false;
            agreed = 0;
        } finally {
            lock.unlock();
        }
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public Class<VhostUserState> stateType() {
        return VhostUserState.class;
    }

    @Override
    public VhostUserState save() {
        lock.lock();
        try {
            return new VhostUserState(type, agreed);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void restore(VhostUserState state) {
        if (state.type() != type || (state.features() & ~features) != 0) {
            throw new FormatException(String.format("The saved state is of a device of type %d with the features 0x%x;"
                    + " the back end %s has one of type %d with 0x%x", state.type(), state.features(), address, type,
                    features));
        }
        negotiated(state.features());
    }

    @Override
    public void close() {
        lock.lock();
        try {
            giveUp();
        } finally {
            lock.unlock();
        }
        calls.close();
        for (Wire wire : wires) {
            wire.close();
        }
    }

    @Override
    public String toString() {
        return name + " at " + address;
    }
}
