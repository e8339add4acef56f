package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.NativeAccess;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * An Internet address with a port as the kernel takes it: {@code struct sockaddr_in} or {@code sockaddr_in6}.
 *
 * <p>
 * Addresses travel as two longs, the first byte on the wire highest; an IPv4 address as IPv6 maps it ({@code ::ffff:a.b.c.d},
 * RFC 4291, 2.5.5.2). Made once and filled again, without allocating. Used by one thread at a time.
 */
public final class SocketName {

    /** Bytes, {@code sizeof(struct sockaddr_in6)}. */
    public static final int SIZE = 28;
    /** What the upper bits of the lower half of a mapped IPv4 address are. */
    public static final long IPV4_MAPPED = 0xFFFF_0000_0000L;

    static final int IPV4_SIZE = 16;
    static final int AF_INET = 2;
    static final int AF_INET6 = 10;

    private static final ValueLayout.OfShort PORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong HALF = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final MemorySegment segment;
    private final MemorySegment length;

    /** A name of its own, of no family yet. */
    public SocketName() {
        NativeAccess.require();
        MemorySegment both = Arena.ofAuto().allocate(SIZE + 4L, 8);
        segment = both.asSlice(0, SIZE);
        length = both.asSlice(SIZE, 4);
    }

    SocketName(MemorySegment segment, MemorySegment length) {
        this.segment = segment;
        this.length = length;
    }

    /**
     * A name of its own for {@code address}.
     *
     * @throws ConfigurationException if the resolver found no address for the host's name
     */
    public static SocketName of(InetSocketAddress address) {
        if (address.isUnresolved()) {
            throw new ConfigurationException("The host name " + address.getHostString()
                    + " has no address; check its spelling and the resolver");
        }
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress().getAddress());
        long high = bytes.remaining() == 4 ? 0 : bytes.getLong();
        long low = bytes.remaining() == 4 ? IPV4_MAPPED | bytes.getInt() & 0xFFFF_FFFFL : bytes.getLong();
        int scope = address.getAddress() instanceof Inet6Address six ? six.getScopeId() : 0;
        return new SocketName().set(high, low, address.getPort(), scope);
    }

    /** The same address in Java's words. */
    public InetSocketAddress toInetSocketAddress() {
        byte[] bytes = ByteBuffer.allocate(16).putLong(high()).putLong(low()).array();
        try {
            InetAddress address = InetAddress.getByAddress(
                    isIpv4() ? Arrays.copyOfRange(bytes, 12, 16) : bytes);
            return new InetSocketAddress(address, port());
        } catch (UnknownHostException impossible) {
            throw new AssertionError("an address has 4 or 16 bytes", impossible);
        }
    }

    /** Whether two longs are a mapped IPv4 address. */
    public static boolean isIpv4(long high, long low) {
        return high == 0 && low >>> 32 == 0xFFFF;
    }

    /**
     * Writes an address.
     *
     * @param port  0 to 65535
     * @param scope the interface's index for a link-local address, otherwise 0
     */
    public SocketName set(long high, long low, int port, int scope) {
        if (isIpv4(high, low)) {
            segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) AF_INET);
            segment.set(PORT, 2, (short) port);
            segment.set(WORD, 4, (int) low);
            segment.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, 0L);
            length.set(ValueLayout.JAVA_INT_UNALIGNED, 0, IPV4_SIZE);
        } else {
            segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) AF_INET6);
            segment.set(PORT, 2, (short) port);
            segment.set(WORD, 4, 0);
            segment.set(HALF, 8, high);
            segment.set(HALF, 16, low);
            segment.set(ValueLayout.JAVA_INT_UNALIGNED, 24, scope);
            length.set(ValueLayout.JAVA_INT_UNALIGNED, 0, SIZE);
        }
        return this;
    }

    /** Whether it is one of IPv4, or IPv6's picture of one. */
    public boolean isIpv4() {
        return isIpv4(high(), low());
    }

    /** The first eight bytes of the address; 0 for IPv4. */
    public long high() {
        return family() == AF_INET6 ? segment.get(HALF, 8) : 0;
    }

    /** The last eight bytes of the address, an IPv4 address mapped; 0 for another family. */
    public long low() {
        return switch (family()) {
            case AF_INET -> IPV4_MAPPED | segment.get(WORD, 4) & 0xFFFF_FFFFL;
            case AF_INET6 -> segment.get(HALF, 16);
            default -> 0;
        };
    }

    /** The port. */
    public int port() {
        return segment.get(PORT, 2) & 0xFFFF;
    }

    /** The family's number; 0 if nothing has been written. */
    public int family() {
        return segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0);
    }

    MemorySegment segment() {
        return segment;
    }

    long address() {
        return segment.address();
    }

    int length() {
        return length.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    }

    /** Where the kernel reads and writes the length, after it was set to all there is. */
    long lengthForKernel() {
        segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0);
        length.set(ValueLayout.JAVA_INT_UNALIGNED, 0, SIZE);
        return length.address();
    }

    @Override
    public String toString() {
        return isIpv4()
                ? "%d.%d.%d.%d:%d".formatted(low() >> 24 & 0xFF, low() >> 16 & 0xFF, low() >> 8 & 0xFF, low() & 0xFF,
                        port())
                : "[%x:%x]:%d".formatted(high(), low(), port());
    }
}
