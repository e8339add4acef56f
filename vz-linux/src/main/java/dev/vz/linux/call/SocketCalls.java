package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Sockets and messages; addresses and headers lie in memory that outlives the call. Every method returns the function's result, or errno negated. */
public final class SocketCalls {

    private SocketCalls() {}

    /** socket(2). */
    public static int socket(int family, int type, int protocol) {
        return CallState.current().callInt(Words.SOCKET, family, type, protocol);
    }

    /** socketpair(2). */
    public static int socketpair(int family, int type, int protocol, MemorySegment pair) {
        return CallState.current().callInt(Words.SOCKETPAIR, family, type, protocol, pair.address());
    }

    /** bind(2). */
    public static int bind(int socket, MemorySegment address, int length) {
        return CallState.current().callInt(Words.BIND, socket, address.address(), length);
    }

    /** listen(2). */
    public static int listen(int socket, int backlog) {
        return CallState.current().callInt(Words.LISTEN, socket, backlog);
    }

    /** accept4(2). */
    public static int accept4(int socket, long address, long length, int flags) {
        return CallState.current().callInt(Words.ACCEPT4, socket, address, length, flags);
    }

    /** connect(2). */
    public static int connect(int socket, MemorySegment address, int length) {
        return CallState.current().callInt(Words.CONNECT, socket, address.address(), length);
    }

    /** shutdown(2). */
    public static int shutdown(int socket, int how) {
        return CallState.current().callInt(Words.SHUTDOWN, socket, how);
    }

    /** getsockname(2). */
    public static int getsockname(int socket, MemorySegment address, MemorySegment length) {
        return CallState.current().callInt(Words.GETSOCKNAME, socket, address.address(), length.address());
    }

    /** getsockopt(2). */
    public static int getsockopt(int socket, int level, int option, MemorySegment value, MemorySegment length) {
        return CallState.current().callInt(Words.GETSOCKOPT, socket, level, option, value.address(), length.address(),
                0);
    }

    /** setsockopt(2). */
    public static int setsockopt(int socket, int level, int option, MemorySegment value, int length) {
        return CallState.current().callInt(Words.SETSOCKOPT, socket, level, option, value.address(), length, 0);
    }

    /** sendmsg(2). */
    public static long sendmsg(int socket, long message, int flags) {
        return CallState.current().callLong(Words.SENDMSG, socket, message, flags, 0, 0, 0);
    }

    /** recvmsg(2). */
    public static long recvmsg(int socket, long message, int flags) {
        return CallState.current().callLong(Words.RECVMSG, socket, message, flags, 0, 0, 0);
    }

    /** recvfrom(2). */
    public static long recvfrom(int socket, long buffer, long length, int flags, long address, long addressLength) {
        return CallState.current().callLong(Words.RECVFROM, socket, buffer, length, flags, address, addressLength);
    }

    /** sendto(2). */
    public static long sendto(int socket, long buffer, long length, int flags, long address, long addressLength) {
        return CallState.current().callLong(Words.SENDTO, socket, buffer, length, flags, address, addressLength);
    }

    /** getsockname(2). */
    public static int getsockname(int socket, long address, long length) {
        return CallState.current().callInt(Words.GETSOCKNAME, socket, address, length);
    }

    /** getpeername(2). */
    public static int getpeername(int socket, long address, long length) {
        return CallState.current().callInt(Words.GETPEERNAME, socket, address, length);
    }

    /** sendmmsg(2). */
    public static int sendmmsg(int socket, long messages, int count, int flags) {
        return CallState.current().callInt(Words.SENDMMSG, socket, messages, count, flags);
    }

    /** recvmmsg(2). */
    public static int recvmmsg(int socket, long messages, int count, int flags, long timeout) {
        return CallState.current().callInt(Words.RECVMMSG, socket, messages, count, flags, timeout, 0);
    }

    private static final class Words {
        static final NativeFunction SOCKET = Linkage.words("socket");
        static final NativeFunction SOCKETPAIR = Linkage.words("socketpair");
        static final NativeFunction BIND = Linkage.words("bind");
        static final NativeFunction LISTEN = Linkage.words("listen");
        static final NativeFunction ACCEPT4 = Linkage.words("accept4");
        static final NativeFunction CONNECT = Linkage.words("connect");
        static final NativeFunction SHUTDOWN = Linkage.words("shutdown");
        static final NativeFunction GETSOCKNAME = Linkage.words("getsockname");
        static final NativeFunction GETSOCKOPT = Linkage.words("getsockopt");
        static final NativeFunction SETSOCKOPT = Linkage.words("setsockopt");
        static final NativeFunction SENDMSG = Linkage.words("sendmsg");
        static final NativeFunction RECVMSG = Linkage.words("recvmsg");
        static final NativeFunction RECVFROM = Linkage.words("recvfrom");
        static final NativeFunction SENDTO = Linkage.words("sendto");
        static final NativeFunction GETPEERNAME = Linkage.words("getpeername");
        static final NativeFunction SENDMMSG = Linkage.words("sendmmsg");
        static final NativeFunction RECVMMSG = Linkage.words("recvmmsg");
    }
}
