package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A stream socket in QEMU's framing ({@code -netdev stream}, {@code -netdev socket}): every frame follows its length, four
 * bytes in network byte order. A peer that announces a length that no frame has is cut off at once, because nothing behind
 * it can be told apart any more. {@link #send} may be called by several threads.
 */
public final class StreamPort extends ReceivingPort {

    private static final int PREFIX = 4;
    private static final int BUFFER = 256 << 10;

    private final FileDescriptor descriptor;
    private final int largest;
    private final EpollLoop.Registration registration;
    private final MemorySegment incoming = Arena.ofAuto().allocate(BUFFER, 64);
    private int incomingEnd;
    private final MemorySegment slab = Arena.ofAuto().allocate(BUFFER, 64);
    private final FrameBatch batch = new FrameBatch();
    private final Object sendLock = new Object();
    private final MemorySegment outgoing = Arena.ofAuto().allocate(BUFFER, 64);
    private int outgoingStart;
    private int outgoingEnd;
    private boolean starved;
    private volatile boolean up = true;
    private volatile boolean closed;

    private StreamPort(FileDescriptor descriptor, int mtu, EpollLoop loop) {
        super(descriptor.description(), LinkFeatures.none().withMtu(mtu));
        this.descriptor = descriptor;
        largest = mtu + 18 + 4;
        registration = loop.register(descriptor, Readiness.IN, this::ready);
    }

    /**
     * A port on a connected, non-blocking stream socket of any family, which becomes the port's.
     *
     * @param mtu bytes after the Ethernet header, at most 65535
     */
    public static StreamPort on(FileDescriptor socket, int mtu, EpollLoop loop) {
        return new StreamPort(socket, PortLimits.mtu(mtu), loop);
    }

    /** Connects to a unix socket on which QEMU, or a {@link StreamPortListener}, listens. */
    public static StreamPort connect(UnixAddress address, int mtu, EpollLoop loop) {
        PortLimits.mtu(mtu);
        UnixSocket socket = UnixSocket.connect(address, SocketType.STREAM, true);
        try {
            return on(socket.descriptor(), mtu, loop);
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    @Override
    public int send(FrameBatch frames) {
        if (!up) {
            return 0;
        }
        synchronized (sendLock) {
            int count = frames.count();
            int taken = 0;
            long bytes = 0;
            for (; taken < count; taken++) {
                int length = frames.frameLength(taken);
                if (length > largest) {
                    counters().sendDropped(1);
                    continue;
                }
                if (outgoingEnd + PREFIX + length > BUFFER && !makeRoom(PREFIX + length)) {
                    break;
                }
                Wire.put32(outgoing, outgoingEnd, length);
                MemorySegment.copy(frames.segment(taken), frames.frameOffset(taken), outgoing, outgoingEnd + PREFIX,
                        length);
                outgoingEnd += PREFIX + length;
                bytes += length;
            }
            flush();
            counters().sent(taken, bytes);
            starved = taken < count;
            return taken;
        }
    }

    private boolean makeRoom(int needed) {
        flush();
        if (outgoingStart > 0) {
            MemorySegment.copy(outgoing, outgoingStart, outgoing, 0, outgoingEnd - outgoingStart);
            outgoingEnd -= outgoingStart;
            outgoingStart = 0;
        }
        return outgoingEnd + needed <= BUFFER;
    }

    /** Writes what the socket takes; asks to be told of room if something is left. */
    private void flush() {
        while (outgoingStart < outgoingEnd) {
            long written = FileIo.write(descriptor, outgoing, outgoingStart, outgoingEnd - outgoingStart);
            if (written == -Errno.EINTR) {
                continue;
            }
            if (written == -Errno.EAGAIN) {
                break;
            }
            if (written < 0) {
                outgoingStart = outgoingEnd;
                break;
            }
            outgoingStart += (int) written;
        }
        int interest = Readiness.IN;
        if (outgoingStart == outgoingEnd) {
            outgoingStart = 0;
            outgoingEnd = 0;
        } else {
            interest |= Readiness.OUT;
        }
        if (up && registration.interest() != interest) {
            registration.modify(interest);
        }
    }

    private void ready(EpollLoop.Registration ready, int readiness) {
        if ((readiness & Readiness.OUT) != 0) {
            boolean tell;
            synchronized (sendLock) {
                flush();
                tell = starved;
                starved = false;
            }
            if (tell) {
                changed();
            }
        }
        if ((readiness & (Readiness.IN | Readiness.ERROR | Readiness.HANG_UP)) != 0) {
            long got = FileIo.read(descriptor, incoming, incomingEnd, BUFFER - incomingEnd);
            if (got == 0 || got < 0 && got != -Errno.EAGAIN && got != -Errno.EINTR) {
                goDown();
            } else if (got > 0) {
                incomingEnd += (int) got;
                takeFrames();
            }
        }
    }

    private void takeFrames() {
        int at = 0;
        long out = 0;
        batch.clear();
        while (at + PREFIX <= incomingEnd) {
            long length = Wire.u32(incoming, at);
            if (length > largest) {
                counters().countMalformed();
                deliver();
                goDown();
                return;
            }
            if (at + PREFIX + length > incomingEnd) {
                break;
            }
            int size = (int) length;
            if (size < EthernetHeader.SIZE) {
                counters().countMalformed();
            } else {
                if (batch.isFull() || out + VnetHeader.SIZE + size > BUFFER) {
                    deliver();
                    out = 0;
                }
                // The header lies before its frame, where in the stream there is another frame.
                VnetHeader.clear(slab, out);
                MemorySegment.copy(incoming, at + PREFIX, slab, out + VnetHeader.SIZE, size);
                batch.add(slab, out, VnetHeader.SIZE + size);
                out += VnetHeader.SIZE + size;
            }
            at += PREFIX + size;
        }
        deliver();
        MemorySegment.copy(incoming, at, incoming, 0, incomingEnd - at);
        incomingEnd -= at;
    }

    private void deliver() {
        int count = batch.count();
        if (count > 0) {
            deliver(batch);
            batch.clear();
        }
    }

    /** The other side is gone, or cannot be understood any more. */
    private void goDown() {
        synchronized (sendLock) {
            if (!up) {
                return;
            }
            up = false; // seen by every sender before the registration, which it might change, is gone
        }
        registration.cancel();
        changed();
    }

    @Override
    public boolean isUp() {
        return up;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            receive(null);
            synchronized (sendLock) {
                up = false;
            }
            registration.cancel();
            descriptor.close();
        }
    }

    @Override
    public String toString() {
        return "stream port " + descriptor;
    }
}
