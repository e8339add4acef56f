package dev.vz.net.port;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.DatagramBatch;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.IpPrefix;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One UDP socket whose datagrams carry Ethernet frames to other hosts (VXLAN, RFC 7348), as the kernel's {@code vxlan}
 * interfaces and switches in data centres understand it. Each {@link #tunnel} is a port of one network, named by its VNI,
 * with one host at the other end; several of them to different hosts behind one switch make a network of many hosts.
 *
 * <p>
 * A datagram is believed if it comes from the address of a tunnel and carries that tunnel's VNI. RFC 7348 knows no other
 * proof, so the network between the hosts must be one that can be trusted. Frames leave from the one port of the socket, not
 * from a port that varies with their flow.
 *
 * <p>
 * Sending through the tunnels is thread-safe; their sinks are called on the loop's thread.
 */
public final class VxlanEndpoint implements AutoCloseable {

    /** The port that IANA has given to VXLAN. */
    public static final int PORT = 4789;
    /** Bytes of the VXLAN header. */
    public static final int HEADER = 8;
    /** Bytes that a tunnel over IPv4 takes of the underlying network's MTU; over IPv6 it is 20 more. */
    public static final int OVERHEAD = 20 + 8 + HEADER + EthernetHeader.SIZE;

    /** The flag I, which says that there is a VNI; all other bits are reserved and ignored (RFC 7348, 5). */
    private static final int VALID = 0x0800_0000;
    private static final int LARGEST_VNI = 0xFF_FFFF;
    private static final int MOST_TUNNELS = 1024;
    private static final int JOINED = 65_000;
    private static final int BATCHES_IN_A_ROW = 4;
    /** The VXLAN header ends where the virtio header will. */
    private static final int SHIFT = VnetHeader.SIZE - HEADER;

    private final InternetSocket socket;
    private final String description;
    private final int mtu;
    private final int largest;
    private final int stride;
    private final MemorySegment received;
    private final MemorySegment sent;
    private final DatagramBatch incoming = new DatagramBatch(FrameBatch.CAPACITY);
    private final DatagramBatch outgoing = new DatagramBatch(FrameBatch.CAPACITY);
    private final FrameBatch batch = new FrameBatch();
    private final EpollLoop.Registration registration;
    private final PortCounters counters = new PortCounters();
    private final Object sendLock = new Object();
    private final int localPort;
    private boolean full;
    private boolean joins = true;
    private volatile boolean closed;
    private volatile VxlanPort[] tunnels = new VxlanPort[0];

    private VxlanEndpoint(InternetSocket socket, String description, int localPort, int mtu, EpollLoop loop) {
        this.socket = socket;
        this.description = description;
        this.localPort = localPort;
        this.mtu = mtu;
        largest = mtu + EthernetHeader.SIZE + 4;
        stride = VnetHeader.SIZE + largest + 63 & ~63;
        var arena = Arena.ofAuto();
        received = arena.allocate((long) FrameBatch.CAPACITY * stride, 64);
        sent = arena.allocate((long) FrameBatch.CAPACITY * stride, 64);
        registration = loop.register(socket.descriptor(), Readiness.IN, this::ready);
    }

    /**
     * Opens a socket for tunnels.
     *
     * @param local the address that it is bound to, whose kind those of the other ends share
     * @param port  the UDP port, usually {@link #PORT}; 0 lets the host choose
     * @param mtu   bytes of an IP packet inside the tunnels, {@link #OVERHEAD} less than the network's below; larger frames
     *              are not sent
     * @throws HostException {@code EADDRINUSE} where the port is taken, {@code EADDRNOTAVAIL} where the address is not ours
     */
    public static VxlanEndpoint open(InetAddress local, int port, int mtu, EpollLoop loop) {
        PortLimits.mtu(mtu);
        InternetSocket socket = InternetSocket.open(InternetSocket.Protocol.UDP, !(local instanceof Inet4Address));
        try {
            var name = new SocketName().set(high(local), low(local), checkedPort(port), 0);
            String description = "VXLAN at " + local.getHostAddress() + " port " + port;
            Errno.check("bind", description, socket.bind(name));
            Errno.check("getsockname", description, socket.localName(name));
            return new VxlanEndpoint(socket, "VXLAN at " + local.getHostAddress() + " port " + name.port(), name.port(),
                    mtu, loop);
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    private static int checkedPort(int port) {
        if (port < 0 || port > 0xFFFF) {
            throw new ConfigurationException("A UDP port is 0 to 65535, not " + port);
        }
        return port;
    }

    static long high(InetAddress address) {
        return address instanceof Inet4Address ? 0 : ByteBuffer.wrap(address.getAddress()).getLong(0);
    }

    static long low(InetAddress address) {
        return address instanceof Inet4Address ipv4
                ? SocketName.IPV4_MAPPED | IpPrefix.number(ipv4) & 0xFFFF_FFFFL
                : ByteBuffer.wrap(address.getAddress()).getLong(8);
    }

    /**
     * A tunnel to the endpoint at {@code remote}; closing it leaves the others.
     *
     * @param vni the network's identifier, 0 to 16777215
     * @throws ConfigurationException if there is one of that VNI to that address already, or the VNI or port is none
     */
    public LinkPort tunnel(int vni, InetAddress remote, int remotePort) {
        if (vni < 0 || vni > LARGEST_VNI) {
            throw new ConfigurationException("A VXLAN network identifier has 24 bits: 0 to " + LARGEST_VNI + ", not "
                    + vni);
        }
        if (checkedPort(remotePort) == 0) {
            throw new ConfigurationException("A tunnel needs the other end's UDP port, usually " + PORT);
        }
        if (remote instanceof Inet4Address == socket.isVersion6()) {
            throw new ConfigurationException(remote.getHostAddress() + " cannot be reached from " + description
                    + ": one is an IPv4 address, the other one of IPv6");
        }
        var port = new VxlanPort(this, vni, remote, remotePort, mtu);
        synchronized (sendLock) {
            if (closed) {
                throw new ConfigurationException(description + " is closed");
            }
            if (find(tunnels, vni, port.high, port.low) != null) {
                throw new ConfigurationException("There is a " + port + " already");
            }
            if (tunnels.length == MOST_TUNNELS) {
                throw new ConfigurationException(
                        description + " has " + MOST_TUNNELS + " tunnels already; open another");
            }
            VxlanPort[] more = Arrays.copyOf(tunnels, tunnels.length + 1);
            more[tunnels.length] = port;
            tunnels = more;
        }
        return port;
    }

    /** The UDP port that it is bound to. */
    public int port() {
        return localPort;
    }

    /** Datagrams that no tunnel believed: too short, too long, without a VNI, or from somebody else. */
    public long rejected() {
        return counters.malformed();
    }

    private static @Nullable VxlanPort find(VxlanPort[] among, int vni, long high, long low) {
        for (VxlanPort each : among) {
            if (each.vni == vni && each.low == low && each.high == high) {
                return each;
            }
        }
        return null;
    }

    void remove(VxlanPort port) {
        synchronized (sendLock) {
            List<VxlanPort> fewer = new ArrayList<>(Arrays.asList(tunnels));
            fewer.remove(port);
            tunnels = fewer.toArray(VxlanPort[]::new);
        }
    }

    int send(VxlanPort tunnel, FrameBatch frames) {
        synchronized (sendLock) {
            if (closed) {
                return 0;
            }
            int count = frames.count();
            int messages = 0;
            int bytes = 0;
            boolean equal = true;
            int first = 0;
            int last = 0;
            for (int i = 0; i < count; i++) {
                int length = frames.frameLength(i);
                if (length > largest) {
                    tunnel.counters().sendDropped(1);
                    continue;
                }
                // Copied, for the header must go before the frame, in memory that may be a guest's.
                long at = (long) messages * stride;
                Wire.put32(sent, at, VALID);
                Wire.put32(sent, at + 4, tunnel.vni << 8);
                MemorySegment.copy(frames.segment(i), frames.frameOffset(i), sent, at + HEADER, length);
                outgoing.set(messages, sent, at, HEADER + length);
                outgoing.setReceiver(messages, tunnel.high, tunnel.low, tunnel.remotePort);
                if (messages == 0) {
                    first = length;
                } else {
                    equal &= last == first && length <= first;
                }
                last = length;
                messages++;
                bytes += length;
            }
            return transmit(tunnel, frames, messages, bytes, equal ? HEADER + first : 0);
        }
    }

    private int transmit(VxlanPort tunnel, FrameBatch frames, int messages, int bytes, int joinedSize) {
        if (messages > 1 && joins && joinedSize > 0 && bytes + messages * HEADER <= JOINED) {
            int result = outgoing.sendJoined(socket, messages, joinedSize);
            if (result == 1) {
                tunnel.counters().sent(messages, bytes);
                return frames.count();
            }
            if (result == -Errno.EINVAL || result == -Errno.EIO || result == -Errno.EMSGSIZE) {
                joins = false; // the path cannot do it, or its MTU is smaller
            }
            outgoing.set(0, sent, 0, joinedSize);
            outgoing.setReceiver(0, tunnel.high, tunnel.low, tunnel.remotePort);
        }
        int done = 0;
        int lost = 0;
        while (done < messages) {
            int result = outgoing.send(socket, done, messages - done);
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result == -Errno.EAGAIN) {
                break;
            }
            if (result < 0) {
                // No way there now, or too large for the path: lost, as on a cable, and later ones may arrive.
                lost++;
                done++;
            } else {
                done += result;
            }
        }
        if (lost > 0) {
            tunnel.counters().sendDropped(lost);
        }
        int taken = takenOf(frames, done, messages);
        long left = 0;
        for (int i = 0; i < taken; i++) {
            left += frames.frameLength(i) <= largest ? frames.frameLength(i) : 0;
        }
        tunnel.counters().sent(done - lost, left);
        if (done < messages && !full) {
            full = true;
            registration.modify(Readiness.IN | Readiness.OUT);
        }
        return taken;
    }

    /** How many frames of the batch are dealt with once {@code done} messages are: those too long have none. */
    private int takenOf(FrameBatch frames, int done, int messages) {
        if (done < messages) {
            int seen = 0;
            for (int i = 0; i < frames.count(); i++) {
                if (frames.frameLength(i) <= largest && seen++ == done) {
                    return i;
                }
            }
        }
        return frames.count();
    }

    private void ready(EpollLoop.Registration ready, int readiness) {
        if ((readiness & Readiness.OUT) != 0) {
            synchronized (sendLock) {
                full = false;
                if (!closed) {
                    registration.modify(Readiness.IN);
                }
            }
            for (VxlanPort each : tunnels) {
                each.changed();
            }
        }
        if ((readiness & (Readiness.IN | Readiness.ERROR)) != 0) {
            for (int i = 0; i < BATCHES_IN_A_ROW && receive(); i++) {
                // Until nothing is left, or others are to have their turn.
            }
        }
    }

    private boolean receive() {
        if (closed) {
            return false;
        }
        for (int i = 0; i < FrameBatch.CAPACITY; i++) {
            incoming.set(i, received, (long) i * stride + SHIFT, HEADER + largest);
        }
        int came = incoming.receive(socket, FrameBatch.CAPACITY);
        VxlanPort[] known = tunnels;
        VxlanPort gathering = null;
        batch.clear();
        for (int i = 0; i < came; i++) {
            VxlanPort tunnel = tunnelOf(i, known, gathering);
            if (tunnel == null) {
                counters.countMalformed();
                continue;
            }
            if (tunnel != gathering) {
                if (gathering != null) {
                    gathering.deliver(batch);
                }
                batch.clear();
                gathering = tunnel;
            }
            long at = (long) i * stride;
            VnetHeader.clear(received, at);
            batch.add(received, at, VnetHeader.SIZE + incoming.length(i) - HEADER);
        }
        if (gathering != null) {
            gathering.deliver(batch);
        }
        return came > 0;
    }

    /** The tunnel that datagram {@code index} came through; {@code null} if it is not to be believed. */
    private @Nullable VxlanPort tunnelOf(int index, VxlanPort[] known,
            @Nullable VxlanPort previous) {
        if (incoming.isTruncated(index) || incoming.length(index) < HEADER + EthernetHeader.SIZE) {
            return null;
        }
        long at = (long) index * stride + SHIFT;
        if ((Wire.i32(received, at) & VALID) == 0) {
            return null;
        }
        int vni = Wire.i32(received, at + 4) >>> 8;
        SocketName sender = incoming.sender(index);
        long low = sender.low();
        long high = sender.high();
        if (previous != null && previous.vni == vni && previous.low == low && previous.high == high) {
            return previous;
        }
        return find(known, vni, high, low);
    }

    /** Closes every tunnel and the socket. Idempotent. */
    @Override
    public void close() {
        synchronized (sendLock) {
            if (closed) {
                return;
            }
            closed = true; // seen by every sender before the registration, which it might change, is gone
        }
        for (VxlanPort each : tunnels) {
            each.close();
        }
        registration.cancel();
        socket.close();
    }

    @Override
    public String toString() {
        return description;
    }
}
