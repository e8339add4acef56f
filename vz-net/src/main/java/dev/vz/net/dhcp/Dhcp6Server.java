package dev.vz.net.dhcp;

import dev.vz.error.FormatException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet6Address;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * DHCPv6 (RFC 8415) for guests on one link: name servers for those who made their address themselves, and one address each
 * for those who ask. Which guest has which address is remembered for a bounded number of them, the longest unused leaving
 * first. Used by one thread at a time.
 */
public final class Dhcp6Server {

    private static final int SOLICIT = 1;
    private static final int ADVERTISE = 2;
    private static final int REQUEST = 3;
    private static final int CONFIRM = 4;
    private static final int RENEW = 5;
    private static final int REBIND = 6;
    private static final int REPLY = 7;
    private static final int RELEASE = 8;
    private static final int DECLINE = 9;
    private static final int INFORMATION_REQUEST = 11;

    private static final int CLIENT_ID = 1;
    private static final int SERVER_ID = 2;
    private static final int IA_NA = 3;
    private static final int IA_ADDRESS = 5;
    private static final int STATUS = 13;
    private static final int RAPID_COMMIT = 14;
    private static final int DNS_SERVERS = 23;

    private static final int NOT_ON_LINK = 4;
    private static final int LARGEST_DUID = 130;
    private static final int LARGEST = 1232;
    private static final int GUESTS = 4096;
    /** Where in the prefix addresses are given from. */
    private static final long FIRST = 0x1_0000L;

    private final IpPrefix prefix;
    private final List<Inet6Address> dns;
    private final byte[] serverId;
    private final int lifetime;
    private long next = FIRST;
    private final Map<String, Long> addresses = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > GUESTS;
        }
    };

    /**
     * A server.
     *
     * @param prefix   the link's prefix
     * @param lifetime how long an address is valid, seconds
     */
    public Dhcp6Server(IpPrefix prefix, List<Inet6Address> dns, MacAddress mac, int lifetime) {
        this.prefix = prefix;
        this.dns = List.copyOf(dns);
        this.lifetime = lifetime;
        // DUID-LL (RFC 8415, 11.4).
        serverId = ByteBuffer.allocate(10).putShort((short) 3).putShort((short) 1).put(mac.bytes()).array();
    }

    /**
     * The answer to a message, or {@code null} for silence.
     *
     * @throws FormatException if it is malformed
     */
    public byte @Nullable [] answer(byte[] message) {
        if (message.length < 4) {
            throw new FormatException("A DHCPv6 message has at least 4 bytes, not " + message.length);
        }
        int type = message[0] & 0xFF;
        Map<Integer, byte[]> options = options(message, 4, message.length);
        byte[] client = options.get(CLIENT_ID);
        byte[] server = options.get(SERVER_ID);
        boolean forUs = server != null && java.util.Arrays.equals(server, serverId);
        boolean anyServer = type == SOLICIT || type == CONFIRM || type == REBIND;
        boolean thisServer = type == REQUEST || type == RENEW || type == RELEASE || type == DECLINE;
        if (type == INFORMATION_REQUEST ? server != null && !forUs
                : client == null || client.length > LARGEST_DUID || anyServer && server != null
                        || thisServer && !forUs || !anyServer && !thisServer) {
            return null;
        }
        boolean rapid = type == SOLICIT && options.containsKey(RAPID_COMMIT);
        ByteBuffer reply = ByteBuffer.allocate(LARGEST);
        reply.put((byte) (type == SOLICIT && !rapid ? ADVERTISE : REPLY)).put(message, 1, 3);
        put(reply, SERVER_ID, serverId);
        if (client != null && client.length <= LARGEST_DUID) {
            put(reply, CLIENT_ID, client);
        }
        if (rapid) {
            put(reply, RAPID_COMMIT);
        }
        byte[] association = options.get(IA_NA);
        if (association != null && association.length >= 12 && client != null) {
            if (!associate(reply, type, client, association)) {
                return null;
            }
        }
        if (!dns.isEmpty()) {
            byte[] servers = new byte[16 * dns.size()];
            for (int i = 0; i < dns.size(); i++) {
                System.arraycopy(dns.get(i).getAddress(), 0, servers, 16 * i, 16);
            }
            put(reply, DNS_SERVERS, servers);
        }
        byte[] bytes = new byte[reply.position()];
        reply.get(0, bytes);
        return bytes;
    }

    private boolean associate(ByteBuffer reply, int type, byte[] client, byte[] association) {
        if (type == CONFIRM) {
            byte[] claimed = options(association, 12, association.length).get(IA_ADDRESS);
            if (claimed == null || claimed.length < 24) {
                return false;
            }
            boolean onLink = prefix.contains(IpPrefix.inet(java.util.Arrays.copyOf(claimed, 16)));
            put(reply, STATUS, (byte) 0, (byte) (onLink ? 0 : NOT_ON_LINK));
            return true;
        }
        String key = HexFormat.of().formatHex(client) + HexFormat.of().formatHex(association, 0, 4);
        if (type == RELEASE || type == DECLINE) {
            addresses.remove(key);
            put(reply, STATUS, (byte) 0, (byte) 0);
            return true;
        }
        long low = addresses.computeIfAbsent(key, any -> next++);
        byte[] address = prefix.network().getAddress();
        ByteBuffer.wrap(address).putLong(8, ByteBuffer.wrap(address).getLong(8) | low);
        ByteBuffer value = ByteBuffer.allocate(12 + 4 + 24).put(association, 0, 4).putInt(lifetime / 2)
                .putInt((int) (lifetime * 4L / 5)).putShort((short) IA_ADDRESS).putShort((short) 24).put(address)
                .putInt(lifetime).putInt(lifetime);
        put(reply, IA_NA, value.array());
        return true;
    }

    private static void put(ByteBuffer message, int code, byte... value) {
        message.putShort((short) code).putShort((short) value.length).put(value);
    }

    /** The first option of each code. */
    private static Map<Integer, byte[]> options(byte[] bytes, int from, int end) {
        var options = new LinkedHashMap<Integer, byte[]>();
        ByteBuffer buffer = ByteBuffer.wrap(bytes, from, end - from);
        while (buffer.hasRemaining()) {
            if (buffer.remaining() < 4) {
                throw new FormatException("A DHCPv6 message breaks off within an option's header");
            }
            int code = buffer.getShort() & 0xFFFF;
            int length = buffer.getShort() & 0xFFFF;
            if (length > buffer.remaining()) {
                throw new FormatException("Option " + code + " of a DHCPv6 message claims " + length + " bytes of "
                        + buffer.remaining());
            }
            byte[] value = new byte[length];
            buffer.get(value);
            options.putIfAbsent(code, value);
        }
        return options;
    }
}
