package dev.vz.net.port;

import dev.vz.error.HostException;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.MessageBatch;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.net.packet.EthernetHeader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A datagram socket in QEMU's framing ({@code -netdev dgram}): every datagram is one frame. A datagram longer than a frame
 * of the port's MTU, or shorter than an Ethernet header, is dropped and counted. {@link #send} may be called by several
 * threads.
 */
public final class DatagramPort extends ReceivingPort {

    private static final int BATCHES_IN_A_ROW = 4;

    private final FileDescriptor descriptor;
    private final @Nullable Path file;
    private final int largest;
    private final int stride;
    private final EpollLoop.Registration registration;
    private final MemorySegment slab;
    private final FrameBatch batch = new FrameBatch();
    private final MessageBatch incoming = new MessageBatch(FrameBatch.CAPACITY);
    private final Object sendLock = new Object();
    private final MessageBatch outgoing = new MessageBatch(FrameBatch.CAPACITY);
    private boolean full;
    private volatile boolean closed;

    private DatagramPort(FileDescriptor descriptor, @Nullable Path file, int mtu, EpollLoop loop) {
        super(descriptor.description(), LinkFeatures.none().withMtu(mtu));
        this.descriptor = descriptor;
        this.file = file;
        largest = mtu + 18 + 4;
        stride = VnetHeader.SIZE + largest + 63 & ~63;
        slab = Arena.ofAuto().allocate((long) FrameBatch.CAPACITY * stride, 64);
        registration = loop.register(descriptor, Readiness.IN, this::ready);
    }

    /** A port on a connected, non-blocking datagram socket of any family, which becomes the port's. */
    public static DatagramPort on(FileDescriptor socket, int mtu, EpollLoop loop) {
        return new DatagramPort(socket, null, PortLimits.mtu(mtu), loop);
    }

    /**
     * A port that receives at {@code local} and sends to {@code remote}, whose owner must be there already. Closing removes
     * the file of {@code local}.
     */
    public static DatagramPort connect(UnixAddress local, UnixAddress remote, int mtu, EpollLoop loop) {
        PortLimits.mtu(mtu);
        UnixSocket socket = UnixSocket.datagram(local, true);
        try {
            socket.connectTo(remote);
            return new DatagramPort(socket.descriptor(), local.isAbstract() ? null : Path.of(local.name()), mtu, loop);
        } catch (RuntimeException | Error failure) {
            socket.close();
            remove(local.isAbstract() ? null : Path.of(local.name()));
            throw failure;
        }
    }

    @Override
    public int send(FrameBatch frames) {
        if (closed) {
            return 0;
        }
        synchronized (sendLock) {
            int count = frames.count();
            int messages = 0;
            for (int i = 0; i < count; i++) {
                int length = frames.frameLength(i);
                if (length > largest) {
                    counters().sendDropped(1);
                } else {
                    outgoing.set(messages++, frames.segment(i), frames.frameOffset(i), length);
                }
            }
            int sent = 0;
            long bytes = 0;
            while (sent < messages) {
                int result = outgoing.send(descriptor, sent, messages - sent);
                if (result == -Errno.EINTR) {
                    continue;
                }
                if (result == -Errno.EAGAIN) {
                    break;
                }
                if (result < 0) {
                    // ECONNREFUSED, ENOENT: nobody there now. As on a cable, the frame is lost and later ones may arrive.
                    counters().sendDropped(1);
                    sent++;
                } else {
                    for (int i = 0; i < result; i++) {
                        bytes += outgoing.length(sent + i);
                    }
                    sent += result;
                }
            }
            counters().sent(sent, bytes);
            if (sent == messages) {
                return count;
            }
            waitForRoom();
            return takenOf(frames, sent);
        }
    }

    /** How many frames of the batch are dealt with once {@code sent} messages are: those too long have none. */
    private int takenOf(FrameBatch frames, int sent) {
        int messages = 0;
        for (int i = 0; i < frames.count(); i++) {
            if (frames.frameLength(i) <= largest && messages++ == sent) {
                return i;
            }
        }
        return frames.count();
    }

    private void waitForRoom() {
        if (!full && !closed) {
            full = true;
            registration.modify(Readiness.IN | Readiness.OUT);
        }
    }

    private void ready(EpollLoop.Registration ready, int readiness) {
        if ((readiness & Readiness.OUT) != 0) {
            synchronized (sendLock) {
                full = false;
                if (!closed) {
                    registration.modify(Readiness.IN);
                }
            }
            changed();
        }
        if ((readiness & (Readiness.IN | Readiness.ERROR)) != 0) {
            for (int i = 0; i < BATCHES_IN_A_ROW && readBatch(); i++) {
                if (batch.count() > 0) {
                    deliver(batch);
                }
            }
        }
    }

    private boolean readBatch() {
        batch.clear();
        for (int i = 0; i < FrameBatch.CAPACITY; i++) {
            incoming.set(i, slab, (long) i * stride + VnetHeader.SIZE, largest);
        }
        int came = incoming.receive(descriptor, FrameBatch.CAPACITY);
        for (int i = 0; i < came; i++) {
            int length = incoming.length(i);
            if (incoming.isTruncated(i) || length < EthernetHeader.SIZE) {
                counters().countMalformed();
            } else {
                long at = (long) i * stride;
                VnetHeader.clear(slab, at);
                batch.add(slab, at, VnetHeader.SIZE + length);
            }
        }
        return came > 0;
    }

    @Override
    public boolean isUp() {
        return !closed;
    }

    @Override
    public void close() {
        if (!closed) {
            synchronized (sendLock) {
                closed = true; // seen by every sender before the registration, which it might change, is gone
            }
            receive(null);
            registration.cancel();
            descriptor.close();
            remove(file);
        }
    }

    private static void remove(@Nullable Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException failure) {
                throw new HostException("removing the socket's file", file.toString(), failure);
            }
        }
    }

    @Override
    public String toString() {
        return "datagram port " + descriptor;
    }
}
