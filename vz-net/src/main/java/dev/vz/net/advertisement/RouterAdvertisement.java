package dev.vz.net.advertisement;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet6Address;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a router says.
 *
 * @param prefix   the link's prefix; guests make themselves addresses of it if it has 64 bits
 * @param mtu      the link's MTU, bytes
 * @param lifetime how long the router is one, at most 9000 s; zero says that it is none any more
 * @param managed  whether addresses come from DHCPv6 (M)
 * @param other    whether the rest comes from DHCPv6 (O)
 * @param dns      name servers
 * @param domain   where names are looked up, or {@code null}
 */
public record RouterAdvertisement(IpPrefix prefix, int mtu, Duration lifetime, boolean managed, boolean other,
        List<Inet6Address> dns, @Nullable String domain) {

    private static final int TYPE = 134;
    private static final int HOP_LIMIT = 64;
    private static final int SOURCE_ADDRESS = 1;
    private static final int PREFIX = 3;
    private static final int MTU = 5;
    private static final int DNS = 25;
    private static final int SEARCH = 31;
    private static final int ON_LINK = 0x80;
    private static final int AUTONOMOUS = 0x40;
    private static final int LARGEST = 1232;

    /** Checks the lifetime and the family. */
    public RouterAdvertisement {
        dns = List.copyOf(dns);
        if (prefix.isIpv4()) {
            throw new ConfigurationException("A router advertisement is about a prefix of IPv6, not " + prefix);
        }
        if (lifetime.isNegative() || lifetime.toSeconds() > 9000) {
            throw new ConfigurationException("A router is one for 0 to 9000 s (RFC 4861, 6.2.1), not " + lifetime);
        }
    }

    /** A router for half an hour whose address is the name server's, too. */
    public static RouterAdvertisement of(IpPrefix address, int mtu) {
        return new RouterAdvertisement(address, mtu, Duration.ofMinutes(30), false, true,
                List.of((Inet6Address) address.address()), null);
    }

    /** The same with another lifetime. */
    public RouterAdvertisement withLifetime(Duration lifetime) {
        return new RouterAdvertisement(prefix, mtu, lifetime, managed, other, dns, domain);
    }

    /** The ICMPv6 message, its checksum zero. */
    public byte[] bytes(MacAddress router) {
        ByteBuffer message = ByteBuffer.allocate(LARGEST);
        message.put((byte) TYPE).put((byte) 0).putShort((short) 0).put((byte) HOP_LIMIT)
                .put((byte) ((managed ? 0x80 : 0) | (other ? 0x40 : 0))).putShort((short) lifetime.toSeconds())
                .putInt(0).putInt(0);
        message.put((byte) SOURCE_ADDRESS).put((byte) 1).put(router.bytes());
        message.put((byte) MTU).put((byte) 1).putShort((short) 0).putInt(mtu);
        boolean autonomous = prefix.length() == 64 && !managed;
        int valid = (int) Math.max(lifetime.toSeconds() * 2, 7200);
        message.put((byte) PREFIX).put((byte) 4).put((byte) prefix.length())
                .put((byte) (ON_LINK | (autonomous ? AUTONOMOUS : 0))).putInt(valid).putInt(valid / 2).putInt(0)
                .put(prefix.network().getAddress());
        if (!dns.isEmpty()) {
            message.put((byte) DNS).put((byte) (1 + 2 * dns.size())).putShort((short) 0)
                    .putInt((int) lifetime.toSeconds());
            dns.forEach(server -> message.put(server.getAddress()));
        }
        if (domain != null) {
            byte[] name = name(domain);
            int units = (8 + name.length + 7) / 8;
            message.put((byte) SEARCH).put((byte) units).putShort((short) 0).putInt((int) lifetime.toSeconds())
                    .put(name).put(new byte[units * 8 - 8 - name.length]);
        }
        byte[] bytes = new byte[message.position()];
        message.get(0, bytes);
        return bytes;
    }

    /** A domain as labels (RFC 1035, 3.1). */
    static byte[] name(String domain) {
        ByteBuffer name = ByteBuffer.allocate(256);
        for (String label : domain.split("\\.")) {
            byte[] bytes = label.getBytes(StandardCharsets.US_ASCII);
            if (bytes.length == 0 || bytes.length > 63 || name.remaining() < bytes.length + 2) {
                throw new ConfigurationException("A domain is of labels of 1 to 63 letters, not \"" + domain + "\"");
            }
            name.put((byte) bytes.length).put(bytes);
        }
        name.put((byte) 0);
        byte[] result = new byte[name.position()];
        name.get(0, result);
        return result;
    }
}
