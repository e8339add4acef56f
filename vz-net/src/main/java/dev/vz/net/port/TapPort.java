package dev.vz.net.port;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.TapDevice;
import dev.vz.linux.network.TapDevice.Offload;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * A TAP or macvtap interface: what is sent here arrives at the host's network, and what the host sends arrives here. With several
 * queues, each belongs to one event loop, whose thread calls the sink; a frame leaves through the queue of the thread that
 * sends it, and through the first queue if the thread is none of theirs. {@link #send} may be called by several threads.
 */
public final class TapPort extends ReceivingPort {

    /** What the network drivers of guests commonly take: unfinished checksums, and large frames of TCP. */
    public static final Set<Offload> COMMON = Set.of(Offload.CHECKSUM, Offload.TCP4_SEGMENTATION,
            Offload.TCP6_SEGMENTATION, Offload.TCP_ECN);

    /** A slab holds several of the largest frames; smaller ones lie one behind the other, so that few cache lines are touched. */
    private static final int SLAB = 256 << 10;
    private static final int LARGEST = VnetHeader.SIZE + 18 + 65535;
    /** After this many batches of one queue the loop looks after its other descriptors. */
    private static final int BATCHES_IN_A_ROW = 4;

    private final List<Queue> queues = new ArrayList<>();
    private volatile boolean closed;

    private TapPort(String name, LinkFeatures features) {
        super(name, features);
    }

    /**
     * Makes a TAP interface, or attaches to a persistent one, with the offloads of {@link #COMMON}, in the network namespace of
     * the calling thread. The interface is neither switched on nor given an address.
     *
     * @param interfaceName its name; one with {@code %d} gets the first number that is free
     * @param loops         one queue is opened for each
     * @throws HostException {@code EPERM} without CAP_NET_ADMIN, {@code EBUSY} if it is in use
     */
    public static TapPort open(String interfaceName, EpollLoop... loops) {
        return open(interfaceName, COMMON, loops);
    }

    /**
     * The same with those {@code offloads}; all of them where a switch or a gateway is behind the port, which cut frames for
     * whoever does not take large ones. Without segmentation of UDP where the kernel has none; the port's features tell.
     */
    public static TapPort open(String interfaceName, Set<Offload> offloads, EpollLoop... loops) {
        boolean several = loops.length > 1;
        return open(interfaceName, name -> TapDevice.open(name, VnetHeader.SIZE, several), offloads, loops);
    }

    /**
     * Opens a macvtap interface that exists already, in the network namespace of the calling thread: the network of the
     * interface below it, under the macvtap's own Ethernet address. Guests behind it use that address.
     *
     * @param loops one queue is opened for each
     * @throws HostException {@code ENODEV} if there is no such interface, {@code ENOENT} if it is no macvtap
     */
    public static TapPort openMacvtap(String interfaceName, EpollLoop... loops) {
        return open(interfaceName, name -> TapDevice.openMacvtap(name, VnetHeader.SIZE), COMMON, loops);
    }

    private static TapPort open(String interfaceName, Function<String, TapDevice> opener, Set<Offload> offloads,
            EpollLoop... loops) {
        if (loops.length == 0) {
            throw new ConfigurationException("A TAP port needs an event loop");
        }
        var devices = new ArrayList<TapDevice>();
        try {
            String actual = interfaceName;
            Set<Offload> taken = offloads;
            for (int i = 0; i < loops.length; i++) {
                TapDevice device = opener.apply(actual);
                devices.add(device);
                actual = device.name();
                taken = setOffloads(device, taken);
            }
            int mtu;
            try (var tap = NetworkInterface.of(actual)) {
                mtu = tap.mtu();
            }
            // A TAP takes unfinished and large frames whatever its reader can do with them; large ones of UDP only where the
            // kernel knows how to cut them.
            var port = new TapPort(actual,
                    new LinkFeatures(true, true, true, true, taken.contains(Offload.UDP_SEGMENTATION), mtu));
            for (int i = 0; i < loops.length; i++) {
                port.queues.add(port.new Queue(devices.get(i), loops[i]));
            }
            return port;
        } catch (RuntimeException | Error failure) {
            devices.forEach(TapDevice::close);
            throw failure;
        }
    }

    /** Asks for {@code offloads}. Those that the kernel has. */
    private static Set<Offload> setOffloads(TapDevice device, Set<Offload> offloads) {
        try {
            device.setOffloads(offloads);
            return offloads;
        } catch (HostException refusal) {
            if (refusal.errno() != Errno.EINVAL || !offloads.contains(Offload.UDP_SEGMENTATION)) {
                throw refusal;
            }
            Set<Offload> older = EnumSet.copyOf(offloads);
            older.remove(Offload.UDP_SEGMENTATION);
            device.setOffloads(older);
            return older;
        }
    }

    @Override
    public int send(FrameBatch batch) {
        if (closed) {
            return 0;
        }
        Queue chosen = queues.getFirst();
        for (int i = 1; i < queues.size(); i++) {
            if (queues.get(i).loop.isLoopThread()) {
                chosen = queues.get(i);
            }
        }
        return chosen.send(batch);
    }

    @Override
    public boolean isUp() {
        return !closed;
    }

    @Override
    public void close() {
        if (!closed) {
            queues.forEach(Queue::markClosed);
            receive(null);
            queues.forEach(Queue::close);
        }
    }

    @Override
    public String toString() {
        return "TAP port " + name();
    }

    private final class Queue implements AutoCloseable {
        final TapDevice device;
        final EpollLoop loop;
        final EpollLoop.Registration registration;
        final MemorySegment slab = Arena.ofAuto().allocate(SLAB, 64);
        final FrameBatch batch = new FrameBatch();
        private boolean full;

        Queue(TapDevice device, EpollLoop loop) {
            this.device = device;
            this.loop = loop;
            registration = loop.register(device.descriptor(), Readiness.IN, this::ready);
        }

        void ready(EpollLoop.Registration registration, int readiness) {
            if ((readiness & Readiness.OUT) != 0) {
                setWaiting(false);
                changed();
            }
            if ((readiness & Readiness.IN) != 0) {
                for (int i = 0; i < BATCHES_IN_A_ROW && readBatch(); i++) {
                    deliver(batch);
                }
            } else if ((readiness & (Readiness.ERROR | Readiness.HANG_UP)) != 0) {
                // The interface was deleted: nothing will come any more, and epoll would report it without end.
                registration.cancel();
            }
        }

        /** Reads until the batch or the slab is full or nothing is left. Whether anything came. */
        private boolean readBatch() {
            batch.clear();
            long at = 0;
            while (!closed && at + LARGEST <= SLAB && !batch.isFull()) {
                long got = FileIo.read(device.descriptor(), slab, at, LARGEST);
                if (got < 0) {
                    break;
                }
                if (got < VnetHeader.SIZE + 14) {
                    counters().countMalformed();
                    continue;
                }
                batch.add(slab, at, (int) got);
                at += got + 63 & ~63L;
            }
            return batch.count() > 0;
        }

        int send(FrameBatch frames) {
            int count = frames.count();
            long bytes = 0;
            int dropped = 0;
            int i = 0;
            while (i < count) {
                long result = FileIo.write(device.descriptor(), frames.segment(i), frames.headerOffset(i),
                        frames.length(i));
                if (result == -Errno.EAGAIN) {
                    setWaiting(true);
                    break;
                }
                if (result == -Errno.EINTR) {
                    continue;
                }
                if (result < 0) {
                    // EIO: the interface is down. EINVAL: the kernel does not believe the frame's header.
                    dropped++;
                } else {
                    bytes += frames.frameLength(i);
                }
                i++;
            }
            counters().sent(i - dropped, bytes);
            if (dropped > 0) {
                counters().sendDropped(dropped);
            }
            return i;
        }

        private synchronized void setWaiting(boolean waiting) {
            // Once closed, the registration may be gone.
            if (full != waiting && !closed) {
                full = waiting;
                registration.modify(waiting ? Readiness.IN | Readiness.OUT : Readiness.IN);
            }
        }

        private synchronized void markClosed() {
            closed = true;
        }

        @Override
        public void close() {
            registration.cancel();
            device.close();
        }
    }
}
