package dev.vz.net.dhcp;

import dev.vz.error.FormatException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A DHCP message: the fixed part of BOOTP and the options (RFC 2131, 2). Parsing believes nothing: lengths are checked
 * against what is there, and a message that is wrong is refused as a whole. Not safe for use by several threads.
 */
public final class DhcpMessage {

    /** {@code op}: from a client. */
    public static final int BOOTREQUEST = 1;
    /** {@code op}: from a server. */
    public static final int BOOTREPLY = 2;

    /** Message type: who is there? */
    public static final int DISCOVER = 1;
    /** Message type: have this. */
    public static final int OFFER = 2;
    /** Message type: may I have this, or go on having it? */
    public static final int REQUEST = 3;
    /** Message type: somebody else uses it. */
    public static final int DECLINE = 4;
    /** Message type: yes. */
    public static final int ACK = 5;
    /** Message type: no. */
    public static final int NAK = 6;
    /** Message type: I am done. */
    public static final int RELEASE = 7;
    /** Message type: I have an address and want to know the rest. */
    public static final int INFORM = 8;

    private static final int FIXED = 236;
    private static final int COOKIE = 0x6382_5363;
    private static final int SNAME = 44;
    private static final int SNAME_SIZE = 64;
    private static final int FILE = 108;
    private static final int FILE_SIZE = 128;
    /** BOOTP's smallest message; some clients drop shorter ones. */
    private static final int SMALLEST = 300;
    private static final int LARGEST = 1472;

    /** {@code op}. */
    public int op;
    /** {@code xid}: by which a client knows its answers. */
    public int xid;
    /** {@code secs}: since the client began, seconds. */
    public int secs;
    /** {@code flags}: the highest bit asks for broadcast answers. */
    public int flags;
    /** {@code ciaddr}: the address that the client has and answers for; 0 if none. */
    public int ciaddr;
    /** {@code yiaddr}: the address that it gets. */
    public int yiaddr;
    /** {@code siaddr}: the server of the next step, for network boot. */
    public int siaddr;
    /** {@code giaddr}: the relay. */
    public int giaddr;
    /** {@code chaddr}: the client's hardware address. */
    public MacAddress chaddr;
    /** {@code file}: the boot file; empty if none. */
    public byte[] file = {};

    private final Map<Integer, byte[]> options = new LinkedHashMap<>();

    /** A message of a type. */
    public DhcpMessage(int op, int type, MacAddress chaddr) {
        this.op = op;
        this.chaddr = chaddr;
        put(DhcpOption.MESSAGE_TYPE, (byte) type);
    }

    private DhcpMessage(ByteBuffer fixed) {
        op = fixed.get(0);
        xid = fixed.getInt(4);
        secs = fixed.getShort(8) & 0xFFFF;
        flags = fixed.getShort(10) & 0xFFFF;
        ciaddr = fixed.getInt(12);
        yiaddr = fixed.getInt(16);
        siaddr = fixed.getInt(20);
        giaddr = fixed.getInt(24);
        byte[] hardware = new byte[6];
        fixed.get(28, hardware);
        chaddr = MacAddress.of(hardware, 0);
    }

    /**
     * Reads a message.
     *
     * @throws FormatException if it is none
     */
    public static DhcpMessage parse(byte[] bytes) {
        if (bytes.length < FIXED + 4) {
            throw new FormatException("A DHCP message has at least " + (FIXED + 4) + " bytes, not " + bytes.length);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        if (buffer.get(1) != 1 || buffer.get(2) != 6) {
            throw new FormatException("A DHCP message over Ethernet has htype 1 and hlen 6, not " + buffer.get(1)
                    + " and " + buffer.get(2));
        }
        if (buffer.getInt(FIXED) != COOKIE) {
            throw new FormatException("A DHCP message has the cookie 63825363 at byte 236, not "
                    + Integer.toHexString(buffer.getInt(FIXED)));
        }
        var message = new DhcpMessage(buffer);
        message.readOptions(bytes, FIXED + 4, bytes.length);
        byte[] overload = message.options.get(DhcpOption.OVERLOAD);
        int overloaded = overload != null && overload.length == 1 ? overload[0] : 0;
        if ((overloaded & 1) != 0) {
            message.readOptions(bytes, FILE, FILE + FILE_SIZE);
        }
        if ((overloaded & 2) != 0) {
            message.readOptions(bytes, SNAME, SNAME + SNAME_SIZE);
        }
        if (message.type() == 0) {
            throw new FormatException("A DHCP message has a message type of one byte, option 53");
        }
        return message;
    }

    private void readOptions(byte[] bytes, int from, int end) {
        for (int i = from; i < end;) {
            int code = bytes[i++] & 0xFF;
            if (code == DhcpOption.PAD) {
                continue;
            }
            if (code == DhcpOption.END) {
                return;
            }
            if (i >= end || i + 1 + (bytes[i] & 0xFF) > end) {
                throw new FormatException("Option " + code + " of a DHCP message goes beyond its end");
            }
            int length = bytes[i++] & 0xFF;
            byte[] value = new byte[length];
            System.arraycopy(bytes, i, value, 0, length);
            // RFC 3396: an option that occurs again is continued.
            options.merge(code, value, DhcpMessage::join);
            i += length;
        }
    }

    private static byte[] join(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length).put(first).put(second).array();
    }

    /** The message type; 0 if there is none. */
    public int type() {
        byte[] value = options.get(DhcpOption.MESSAGE_TYPE);
        return value != null && value.length == 1 ? value[0] : 0;
    }

    /** An option's value, or {@code null}. */
    public byte @Nullable [] option(int code) {
        byte[] value = options.get(code);
        return value == null ? null : value.clone();
    }

    /** An option that is one IPv4 address; 0 if it is not there, or is something else. */
    public int address(int code) {
        byte[] value = options.get(code);
        return value != null && value.length == 4 ? ByteBuffer.wrap(value).getInt() : 0;
    }

    /** Sets an option. */
    public DhcpMessage put(int code, byte... value) {
        options.put(code, value.clone());
        return this;
    }

    /** Sets an option that is a number of 32 bits, or one address. */
    public DhcpMessage putInt(int code, int value) {
        return put(code, ByteBuffer.allocate(4).putInt(value).array());
    }

    /** Sets an option that is a list of addresses. */
    public DhcpMessage putAddresses(int code, Iterable<Inet4Address> addresses) {
        byte[] value = {};
        for (Inet4Address address : addresses) {
            value = join(value, address.getAddress());
        }
        return put(code, value);
    }

    /** Whether the client asks for answers by broadcast. */
    public boolean wantsBroadcast() {
        return (flags & 0x8000) != 0;
    }

    /** The message as it travels; options beyond the largest size are left out, from the last on. */
    public byte[] bytes() {
        ByteBuffer buffer = ByteBuffer.allocate(LARGEST);
        buffer.put((byte) op).put((byte) 1).put((byte) 6).put((byte) 0).putInt(xid).putShort((short) secs)
                .putShort((short) flags).putInt(ciaddr).putInt(yiaddr).putInt(siaddr).putInt(giaddr)
                .put(chaddr.bytes());
        buffer.put(FILE, file, 0, Math.min(file.length, FILE_SIZE - 1));
        buffer.position(FIXED).putInt(COOKIE);
        for (var option : options.entrySet()) {
            byte[] value = option.getValue();
            int pieces = Math.max(1, (value.length + 254) / 255);
            if (buffer.remaining() < value.length + 2 * pieces + 1) {
                break;
            }
            for (int at = 0, i = 0; i < pieces; i++) {
                int length = Math.min(255, value.length - at);
                buffer.put(option.getKey().byteValue()).put((byte) length).put(value, at, length);
                at += length;
            }
        }
        buffer.put((byte) DhcpOption.END);
        byte[] bytes = new byte[Math.max(SMALLEST, buffer.position())];
        buffer.get(0, bytes, 0, Math.min(buffer.position(), bytes.length));
        return bytes;
    }

    @Override
    public String toString() {
        return "DHCP message of type " + type() + " of " + chaddr + " for "
                + IpPrefix.inet4(yiaddr).getHostAddress();
    }
}
