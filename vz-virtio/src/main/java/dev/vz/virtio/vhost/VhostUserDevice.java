package dev.vz.virtio.vhost;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.RemoteDevice;
import dev.vz.virtio.queue.QueueLayout;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
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
 * A back end that hangs up, or does not answer for ten seconds, is waited for at its socket: a disk, if its back ends note
 * what is in flight, and a network card go on with the next one, and the driver learns nothing. Other devices are in need of a
 * reset then; when the driver has reset one, its socket is tried again. Thread-safe.
 */
public final class VhostUserDevice implements RemoteDevice<VhostUserState> {

    private static final Logger LOG = System.getLogger(VhostUserDevice.class.getName());
    /** Between two tries to find a new back end. */
    private static final long RETRY_NANOS = 200_000_000L;

    private final UnixAddress address;
    private final GuestMemory memory;
    private final FrontEndKind kind;
    private final ConfigSpace config;
    private final long features;
    private final EpollLoop calls;
    private final QueueLine[] lines;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition ending = lock.newCondition();
    private @Nullable BackEndLink link;
    /** Whether the back end has been told of features and memory since it was connected to. */
    private boolean told;
    private long agreed;
    private @Nullable InflightFile inflight;
    private boolean seeking;
    private boolean closed;
    private EpollLoop.@Nullable Registration watch;
    private volatile Consumer<String> failed = why -> {};

    private VhostUserDevice(UnixAddress address, GuestMemory memory, FrontEndKind kind, BackEndLink link) {
        this.address = address;
        this.memory = memory;
        this.kind = kind;
        this.link = link;
        this.features = kind.features(link.features());
        if ((features & DeviceHost.VERSION_1) == 0) {
            throw new CapabilityException(String.format("The vhost-user back end %s offers the features 0x%x, without"
                    + " VIRTIO_F_VERSION_1; devices from before virtio 1.0 are not supported", address,
                    link.features()));
        }
        config = new ConfigSpace(kind.config().clone());
        if (kind.type() == FrontEndKind.BLOCK) {
            config.writable(FrontEndKind.BLOCK_WRITEBACK, 1, (offset, value) -> configWritten(offset, 1, value));
        }
        calls = new EpollLoop("vhost-user calls of " + address);
        lines = new QueueLine[kind.queues()];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = new QueueLine(calls);
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
        return connected(address, memory, link -> FrontEndKind.block(link, address, queues));
    }

    /** A shared folder, which the guest mounts by {@code tag}: 1 to 36 bytes. One queue for requests. */
    public static VhostUserDevice folder(UnixAddress address, GuestMemory memory, String tag) {
        FrontEndKind kind = FrontEndKind.folder(tag);
        return connected(address, memory, _ -> kind);
    }

    /**
     * A network card with one pair of queues. It has no control queue, so its driver takes every frame that the back end has
     * for it.
     *
     * @param mac six bytes, the address of a single station
     */
    public static VhostUserDevice card(UnixAddress address, GuestMemory memory, byte[] mac) {
        FrontEndKind kind = FrontEndKind.card(mac);
        return connected(address, memory, _ -> kind);
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
        return connected(address, memory, link -> FrontEndKind.of(link, type, queues, configBytes));
    }

    private static VhostUserDevice connected(UnixAddress address, GuestMemory memory,
            Function<BackEndLink, FrontEndKind> kind) {
        var link = new BackEndLink(address);
        try {
            return new VhostUserDevice(address, memory, kind.apply(link), link);
        } catch (RuntimeException | Error failure) {
            link.close();
            throw failure;
        }
    }

    // --------------------------------------------------------------------------------------------- description

    @Override
    public int type() {
        return kind.type();
    }

    @Override
    public String name() {
        return kind.name();
    }

    @Override
    public long features() {
        return features;
    }

    @Override
    public int queues() {
        return kind.queues();
    }

    @Override
    public int queueSize(int index) {
        return kind.queueSize();
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
            dropInflight();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void begin(int index, QueueLayout layout, int base, Runnable interrupt) {
        lock.lock();
        try {
            BackEndLink to = connect();
            tell(to);
            lines[index].start(to, index, layout, base, interrupt);
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
        long missing = agreed & ~kind.own() & ~fresh.features();
        if (missing != 0) {
            fresh.close();
            throw new CapabilityException(String.format("The vhost-user back end %s does not offer 0x%x any more",
                    address, missing));
        }
        link = fresh;
        told = false;
        watch(fresh);
        return fresh;
    }

    /** Tells the back end what it has to know before any queue. */
    private void tell(BackEndLink to) {
        if (told) {
            return;
        }
        to.setFeatures(agreed & ~kind.own());
        to.setMemory(memory);
        if (kind.lasting() != FrontEndKind.Lasting.NO && to.notesInflight()) {
            InflightFile noted = inflight;
            if (noted == null) {
                noted = to.inflight(kind.queues(), kind.queueSize());
                inflight = noted;
            }
            to.setInflight(noted);
        }
        told = true;
    }

    private void lost(String why) {
        giveUp();
        boolean worked = false;
        boolean tell = true;
        for (QueueLine line : lines) {
            worked |= line.isStarted();
            tell &= line.tells();
        }
        if (worked && (inflight != null || kind.lasting() == FrontEndKind.Lasting.RING && tell)) {
            LOG.log(Level.WARNING, "The vhost-user back end {0} is gone: {1}; the guest waits for another", address,
                    why);
            seek();
            return;
        }
        LOG.log(Level.WARNING, "The vhost-user back end {0} is given up: {1}", address, why);
        fail(why);
    }

    private void fail(String why) {
        boolean worked = false;
        for (QueueLine line : lines) {
            worked |= line.isStarted();
            line.forget(false);
        }
        if (worked) {
            failed.accept("the vhost-user back end " + address + " is gone: " + why);
        }
    }

    /** Looks for a new back end until there is one, or nobody wants one any more. */
    private void seek() {
        if (!seeking && !closed) {
            seeking = true;
            Thread.ofPlatform().daemon().name("vhost-user back end " + address).start(this::seekOn);
        }
    }

    private void seekOn() {
        lock.lock();
        try {
            while (!found()) {
                long left = RETRY_NANOS;
                while (left > 0 && !closed) {
                    left = ending.awaitNanos(left);
                }
            }
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
        } finally {
            seeking = false;
            lock.unlock();
        }
    }

    /** Tries once; whether there is no more to be done. */
    private boolean found() {
        if (closed || link != null || Arrays.stream(lines).noneMatch(QueueLine::isStarted)) {
            return true;
        }
        try {
            BackEndLink to = connect();
            if (inflight != null && !to.notesInflight()) {
                throw new CapabilityException("The vhost-user back end " + address
                        + " does not note what is in flight, as the one before did");
            }
            tell(to);
            for (int i = 0; i < lines.length; i++) {
                lines[i].goOn(to, i, memory);
            }
            LOG.log(Level.INFO, "There is a vhost-user back end {0} again", address);
            return true;
        } catch (CapabilityException other) {
            LOG.log(Level.WARNING, "The vhost-user back end {0} is given up: {1}", address, other.getMessage());
            giveUp();
            fail(String.valueOf(other.getMessage()));
            return true;
        } catch (VzException notYet) {
            LOG.log(Level.DEBUG, "There is no vhost-user back end yet", notYet);
            giveUp();
            return false;
        }
    }

    private void dropInflight() {
        InflightFile noted = inflight;
        inflight = null;
        if (noted != null) {
            noted.close();
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
            QueueLine line = lines[index];
            BackEndLink to = link;
            if (!line.isStarted() || to == null) {
                line.forget(false);
                return -1;
            }
            int base = to.stop(index);
            line.forget(true);
            return base & 0xFFFF_FFFFL;
        } catch (VzException failure) {
            lines[index].forget(false);
            lost(String.valueOf(failure.getMessage()));
            return -1;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void kick(int index) {
        lines[index].kick.tryAdd(1);
    }

    @Override
    public void reset() {
        lock.lock();
        try {
            told = false;
            agreed = 0;
            dropInflight();
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
            return new VhostUserState(kind.type(), agreed);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void restore(VhostUserState state) {
        if (state.type() != kind.type() || (state.features() & ~features) != 0) {
            throw new FormatException(String.format("The saved state is of a device of type %d with the features 0x%x;"
                    + " the back end %s has one of type %d with 0x%x", state.type(), state.features(), address,
                    kind.type(),
                    features));
        }
        negotiated(state.features());
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            ending.signalAll();
            giveUp();
            dropInflight();
        } finally {
            lock.unlock();
        }
        calls.close();
        for (QueueLine line : lines) {
            line.close();
        }
    }

    @Override
    public String toString() {
        return kind.name() + " at " + address;
    }
}
