package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.call.CallState;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.sockaddr_in;
import dev.vz.linux.generated.sockaddr_in6;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteOrder;

/** Internet addresses as the kernel reads and writes them: {@code sockaddr_in} and {@code sockaddr_in6}. */
final class InternetAddress {

    private static final ValueLayout.OfShort PORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.BIG_ENDIAN);

    private InternetAddress() {}

    /** AF_INET or AF_INET6. */
    static int family(InetSocketAddress address) {
        if (address.isUnresolved()) {
            throw new ConfigurationException("The host name " + address.getHostString()
                    + " has no address; check its spelling and the resolver");
        }
        return address.getAddress() instanceof Inet4Address ? LinuxHeaders.AF_INET() : LinuxHeaders.AF_INET6();
    }

    /** Writes {@code address} to the thread's scratch space; all of the segment counts. */
    static MemorySegment toScratch(InetSocketAddress address) {
        byte[] bytes = address.getAddress().getAddress();
        boolean four = address.getAddress() instanceof Inet4Address;
        MemorySegment name = CallState.current().scratch().asSlice(0,
                four ? sockaddr_in.sizeof() : sockaddr_in6.sizeof());
        name.fill((byte) 0);
        if (four) {
            sockaddr_in.sin_family(name, (short) LinuxHeaders.AF_INET());
        } else {
            sockaddr_in6.sin6_family(name, (short) LinuxHeaders.AF_INET6());
            sockaddr_in6.sin6_scope_id(name, ((Inet6Address) address.getAddress()).getScopeId());
        }
        name.set(PORT, four ? sockaddr_in.sin_port$offset() : sockaddr_in6.sin6_port$offset(),
                (short) address.getPort());
        MemorySegment.copy(bytes, 0, name, ValueLayout.JAVA_BYTE,
                four ? sockaddr_in.sin_addr$offset() : sockaddr_in6.sin6_addr$offset(), bytes.length);
        return name;
    }

    /** Reads what the kernel wrote. */
    static InetSocketAddress from(MemorySegment name) {
        boolean four = sockaddr_in.sin_family(name.asSlice(0, sockaddr_in.sizeof())) == LinuxHeaders.AF_INET();
        var bytes = new byte[four ? 4 : 16];
        MemorySegment.copy(name, ValueLayout.JAVA_BYTE,
                four ? sockaddr_in.sin_addr$offset() : sockaddr_in6.sin6_addr$offset(), bytes, 0, bytes.length);
        int port = Short.toUnsignedInt(name.get(PORT,
                four ? sockaddr_in.sin_port$offset() : sockaddr_in6.sin6_port$offset()));
        try {
            return new InetSocketAddress(InetAddress.getByAddress(bytes), port);
        } catch (UnknownHostException impossible) {
            throw new AssertionError("an address has 4 or 16 bytes", impossible);
        }
    }
}
