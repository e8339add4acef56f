package dev.vz.linux.socket;

import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.cmsghdr;
import dev.vz.linux.generated.iovec;
import dev.vz.linux.generated.msghdr;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;

/**
 * Reads what ICMP said about datagrams that a socket has sent: {@code MSG_ERRQUEUE} and {@code struct sock_extended_err},
 * ip(7).
 *
 * <p>
 * The socket needs {@link InternetOption#IP_RECEIVE_ERRORS} or its sibling of IPv6. Made once and used for many sockets;
 * allocates nothing. Used by one thread at a time.
 */
public final class SocketErrorQueue {

    /** {@link #origin()}: this host itself. */
    public static final int LOCAL = 1;
    /** {@link #origin()}: an ICMP message. */
    public static final int ICMP = 2;
    /** {@link #origin()}: an ICMPv6 message. */
    public static final int ICMP6 = 3;

    private static final int MSG_ERRQUEUE = 0x2000;
    private static final int IP_RECVERR = 11;
    private static final int IPV6_RECVERR = 25;
    private static final int ERROR_SIZE = 16;
    private static final long CONTROL_SIZE = 256;

    private final MemorySegment header;
    private final MemorySegment control;
    private final MemorySegment vector;
    private final MemorySegment data;
    private final SocketName offender;
    private final SocketName receiver = new SocketName();
    private long error = -1;
    private int length;

    /** A reader that keeps up to {@code dataSize} bytes of the datagram that an error is about. */
    public SocketErrorQueue(int dataSize) {
        NativeAccess.require();
        var arena = Arena.ofAuto();
        header = arena.allocate(msghdr.layout());
        control = arena.allocate(CONTROL_SIZE, 8);
        vector = arena.allocate(iovec.layout());
        data = arena.allocate(dataSize, 8);
        offender = new SocketName(arena.allocate(SocketName.SIZE, 8), arena.allocate(4, 4));
        iovec.iov_base(vector, data);
        msghdr.msg_iov(header, vector);
    }

    /** Takes the next error; 0, or errno negated: {@code EAGAIN} if there is none. */
    public int take(InternetSocket socket) {
        error = -1;
        iovec.iov_len(vector, data.byteSize());
        msghdr.msg_iovlen(header, 1);
        msghdr.msg_control(header, control);
        msghdr.msg_controllen(header, CONTROL_SIZE);
        receiver.lengthForKernel();
        header.set(ValueLayout.JAVA_LONG, msghdr.msg_name$offset(), receiver.address());
        msghdr.msg_namelen(header, SocketName.SIZE);
        long result;
        try {
            result = SocketCalls.recvmsg(socket.descriptor().value(), header.address(),
                    MSG_ERRQUEUE | LinuxHeaders.MSG_DONTWAIT());
        } finally {
            Reference.reachabilityFence(receiver);
        }
        if (result < 0) {
            return (int) result;
        }
        length = (int) result;
        long end = msghdr.msg_controllen(header);
        long size = cmsghdr.sizeof();
        for (long at = 0; at + size <= end;) {
            long entry = control.get(ValueLayout.JAVA_LONG, at + cmsghdr.cmsg_len$offset());
            if (entry < size || entry > end - at) {
                break;
            }
            int level = control.get(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_level$offset());
            int type = control.get(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_type$offset());
            boolean about = level == 0 && type == IP_RECVERR || level == 41 && type == IPV6_RECVERR;
            if (about && entry >= size + ERROR_SIZE) {
                error = at + size;
                offender.lengthForKernel();
                long rest = Math.min(entry - size - ERROR_SIZE, SocketName.SIZE);
                MemorySegment.copy(control, error + ERROR_SIZE, offender.segment(), 0, rest);
            }
            at += (entry + 7) & -8L;
        }
        return 0;
    }

    /** The error number, positive. */
    public int errno() {
        return error < 0 ? 0 : control.get(ValueLayout.JAVA_INT, error);
    }

    /** Who says so: {@link #LOCAL}, {@link #ICMP}, {@link #ICMP6}; 0 if the last message carried no error. */
    public int origin() {
        return error < 0 ? 0 : control.get(ValueLayout.JAVA_BYTE, error + 4) & 0xFF;
    }

    /** The type of the ICMP message. */
    public int type() {
        return error < 0 ? 0 : control.get(ValueLayout.JAVA_BYTE, error + 5) & 0xFF;
    }

    /** The code of the ICMP message. */
    public int code() {
        return error < 0 ? 0 : control.get(ValueLayout.JAVA_BYTE, error + 6) & 0xFF;
    }

    /** More about it: the MTU for {@code EMSGSIZE}. */
    public int info() {
        return error < 0 ? 0 : control.get(ValueLayout.JAVA_INT, error + 8);
    }

    /** Who sent the ICMP message. */
    public SocketName offender() {
        return offender;
    }

    /** Whom the datagram was for. */
    public SocketName receiver() {
        return receiver;
    }

    /** The datagram's payload, as far as it was quoted; {@link #dataLength} bytes are valid. */
    public MemorySegment data() {
        return data;
    }

    /** Bytes of the quoted payload. */
    public int dataLength() {
        return length;
    }
}
