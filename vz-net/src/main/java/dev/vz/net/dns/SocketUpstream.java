package dev.vz.net.dns;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.net.IpPrefix;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Name servers over UDP, and over TCP where an answer does not fit. Every query goes out from a socket of its own with an id
 * of its own, both unpredictable, and an answer counts only if it is from the server that was asked, has that id and repeats
 * the question (RFC 5452, 9).
 */
public final class SocketUpstream implements DnsUpstream {

    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final Duration MOST_PATIENCE = Duration.ofHours(1);
    private static final int LARGEST = 65_535;
    private static final int TRUNCATED = 0x02;

    private final List<InetSocketAddress> servers;
    private final int millis;
    private final SecureRandom random = new SecureRandom();

    /** Asks {@code servers}, the first that answers within two seconds. */
    public SocketUpstream(List<InetSocketAddress> servers) {
        this(servers, PATIENCE);
    }

    /** Asks {@code servers}, the first that answers within {@code patience}: a millisecond to an hour. */
    public SocketUpstream(List<InetSocketAddress> servers, Duration patience) {
        if (servers.isEmpty()) {
            throw new ConfigurationException("A name service needs a server to ask");
        }
        if (patience.compareTo(Duration.ofMillis(1)) < 0 || patience.compareTo(MOST_PATIENCE) > 0) {
            throw new ConfigurationException("A name server is waited for between a millisecond and an hour, not "
                    + patience);
        }
        this.servers = List.copyOf(servers);
        millis = (int) patience.toMillis();
    }

    /** Asks the servers that a file like {@code /etc/resolv.conf} names. */
    public static SocketUpstream of(Path resolvConf) {
        var servers = new ArrayList<InetSocketAddress>();
        try {
            for (String line : Files.readAllLines(resolvConf, StandardCharsets.UTF_8)) {
                String[] words = line.strip().split("\\s+");
                if (words.length >= 2 && words[0].equals("nameserver") && words[1].indexOf('%') < 0) {
                    servers.add(new InetSocketAddress(IpPrefix.address(words[1]), 53));
                }
            }
        } catch (IOException failure) {
            throw new HostException("reading name servers", resolvConf.toString(), failure);
        }
        return new SocketUpstream(servers);
    }

    @Override
    public byte[] query(byte[] query) throws IOException {
        IOException last = null;
        for (InetSocketAddress server : servers) {
            try {
                byte[] own = query.clone();
                int id = random.nextInt(0x1_0000);
                ByteBuffer.wrap(own).putShort(0, (short) id);
                byte[] answer = overUdp(server, own);
                if ((answer[2] & TRUNCATED) != 0) {
                    answer = overTcp(server, own);
                }
                answer[0] = query[0];
                answer[1] = query[1];
                return answer;
            } catch (IOException failure) {
                last = failure;
            }
        }
        throw last != null ? last : new IOException("no name server");
    }

    private byte[] overUdp(InetSocketAddress server, byte[] query) throws IOException {
        try (var socket = new DatagramSocket()) {
            socket.connect(server);
            socket.send(new DatagramPacket(query, query.length));
            long end = System.nanoTime() + millis * 1_000_000L;
            byte[] buffer = new byte[LARGEST];
            while (true) {
                long left = (end - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    throw new SocketTimeoutException(server + " did not answer within " + millis + " ms");
                }
                socket.setSoTimeout((int) left);
                var packet = new DatagramPacket(buffer, buffer.length);
                socket.receive(packet);
                byte[] answer = Arrays.copyOf(buffer, packet.getLength());
                if (answers(query, answer)) {
                    return answer;
                }
            }
        }
    }

    private byte[] overTcp(InetSocketAddress server, byte[] query) throws IOException {
        try (var socket = new Socket()) {
            socket.connect(server, millis);
            socket.setSoTimeout(millis);
            socket.getOutputStream().write(
                    ByteBuffer.allocate(2 + query.length).putShort((short) query.length).put(query).array());
            var in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readUnsignedShort()];
            in.readFully(answer);
            if (!answers(query, answer)) {
                throw new IOException(server + " answered something else than it was asked");
            }
            return answer;
        }
    }

    /** Whether a message is an answer to a query: id, direction, and the question byte for byte but for letters' case. */
    static boolean answers(byte[] query, byte[] answer) {
        if (answer.length < DnsQuestion.HEADER || answer[0] != query[0] || answer[1] != query[1]
                || (answer[2] & 0x80) == 0 || answer[4] != 0 || answer[5] != 1) {
            return false;
        }
        int end = DnsQuestion.HEADER;
        while (end < query.length && query[end] != 0) {
            end += (query[end] & 0xFF) + 1;
        }
        end += 5;
        if (end > query.length || end > answer.length) {
            return false;
        }
        for (int i = DnsQuestion.HEADER; i < end; i++) {
            if (lower(query[i]) != lower(answer[i])) {
                return false;
            }
        }
        return true;
    }

    private static int lower(byte b) {
        return b >= 'A' && b <= 'Z' ? b | 0x20 : b;
    }
}
