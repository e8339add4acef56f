package dev.vz.net.dns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.dhcp.Lease;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import dev.vz.net.time.ManualClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Questions of a guest, answers of the gateway. */
@Timeout(value = 180, unit = TimeUnit.SECONDS)
class DnsForwarderTest {

    private static final long GATEWAY = GatewayConfiguration.standard().mac().value();
    private static final long MAC = 0x52_54_00_00_00_01L;
    private static final int OWN = 0x0A00020F;
    private static final int ROUTER = 0x0A000202;

    private final EpollLoop loop = new EpollLoop("gateway with names");
    private final LinkPair wire = new LinkPair("wire", LinkFeatures.none());
    private final ManualClock clock = new ManualClock();
    private final AtomicInteger asked = new AtomicInteger();
    private final DnsZone zone = new DnsZone("guests.test", InstantSource.system());
    private volatile int answers = 1;
    private Frames.Collector received;
    private Gateway gateway;
    private DnsForwarder forwarder;

    @BeforeEach
    void serve() {
        loop.start();
        received = Frames.Collector.on(wire.a());
        gateway = new Gateway(loop, wire.b(), GatewayConfiguration.standard());
        forwarder = new DnsForwarder(gateway, zone, this::upstream, clock);
    }

    @AfterEach
    void end() {
        assertThat(gateway.statistics().failures()).isZero();
        forwarder.close();
        gateway.close();
        wire.close();
        loop.close();
    }

    private byte[] upstream(byte[] query) throws IOException {
        asked.incrementAndGet();
        var message = new Message(query);
        if (message.getQuestion().getName().toString().startsWith("broken")) {
            throw new IOException("nobody answers");
        }
        var answer = new Message(message.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.addRecord(message.getQuestion(), Section.QUESTION);
        if (message.getQuestion().getName().toString().startsWith("circle")) {
            answer.addRecord(new ARecord(message.getQuestion().getName(), DClass.IN, 300,
                    InetAddress.ofLiteral("198.51.100.1")), Section.ANSWER);
            byte[] wire = answer.toWire();
            int at = query.length;
            Wire.put16(MemorySegment.ofArray(wire), at, 0xC000 | at); // the record's name is where it says it is
            return wire;
        }
        for (int i = 0; i < answers; i++) {
            answer.addRecord(new ARecord(message.getQuestion().getName(), DClass.IN, 300,
                    InetAddress.ofLiteral("198.51.100." + i)), Section.ANSWER);
        }
        return answer.toWire();
    }

    private static byte[] query(String name, int type, int id) throws IOException {
        var message = Message.newQuery(Record.newRecord(Name.fromString(name + "."), type, DClass.IN));
        message.getHeader().setID(id);
        return message.toWire();
    }

    private Message ask(String name, int type, int id) throws Exception {
        return new Message(exchange(query(name, type, id)));
    }

    private byte[] exchange(byte[] query) throws Exception {
        received.take();
        while (Frames.send(wire.a(), Frames.udp(GATEWAY, MAC, OWN, ROUTER, 4000, 53, query)) == 0) {
            Thread.onSpinWait();
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() - end < 0) {
            for (byte[] bytes : received.take()) {
                MemorySegment frame = MemorySegment.ofArray(bytes);
                if (EthernetHeader.type(frame, 0) == EthernetHeader.IPV4
                        && Ipv4Header.protocol(frame, 14) == IpProtocol.UDP
                        && UdpHeader.sourcePort(frame, 34) == 53) {
                    assertThat(Frames.isTransportSumRight(bytes)).isTrue();
                    return Arrays.copyOfRange(bytes, 42, 34 + UdpHeader.length(frame, 34));
                }
            }
            Thread.sleep(5);
        }
        throw new AssertionError("no answer came");
    }

    @Test
    void anAnswerIsKeptAsLongAsItLives() throws Exception {
        Message first = ask("www.example.org", Type.A, 1);
        assertThat(first.getHeader().getID()).isEqualTo(1);
        assertThat(first.getSection(Section.ANSWER)).singleElement()
                .satisfies(record -> assertThat(record.getTTL()).isEqualTo(300));
        clock.advance(Duration.ofSeconds(100));
        Message second = ask("WWW.example.ORG", Type.A, 2);
        assertThat(second.getHeader().getID()).isEqualTo(2);
        assertThat(second.getSection(Section.ANSWER)).singleElement()
                .satisfies(record -> assertThat(record.getTTL()).isEqualTo(200));
        assertThat(asked).hasValue(1);
        clock.advance(Duration.ofSeconds(201));
        ask("www.example.org", Type.A, 3);
        assertThat(asked).hasValue(2);
        assertThat(forwarder.namesOf(InetAddress.ofLiteral("198.51.100.0"))).containsExactly("www.example.org");
    }

    @Test
    void guestsWithALeaseHaveNamesBothWays() throws Exception {
        zone.lease(new Lease((Inet4Address) IpPrefix.address("10.0.2.50"), new MacAddress(MAC), "client", "Web",
                Long.MAX_VALUE - 1));
        zone.add("printer", IpPrefix.address("fd00::7"));
        assertThat(ask("web.guests.test", Type.A, 1).getSection(Section.ANSWER)).singleElement().asString()
                .contains("10.0.2.50");
        assertThat(ask("printer", Type.AAAA, 2).getSection(Section.ANSWER)).hasSize(1);
        assertThat(ask("50.2.0.10.in-addr.arpa", Type.PTR, 3).getSection(Section.ANSWER)).singleElement().asString()
                .contains("web.guests.test.");
        assertThat(ask("nobody.guests.test", Type.A, 4).getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(asked).hasValue(0);
    }

    @Test
    void aPolicyHidesNames() throws Exception {
        forwarder.setPolicy(name -> !name.endsWith("example.org"));
        assertThat(ask("www.example.org", Type.A, 1).getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(ask("www.example.net", Type.A, 2).getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(asked).hasValue(1);
    }

    @Test
    void anAnswerThatDoesNotFitIsTruncatedAndAFailureIsSaid() throws Exception {
        answers = 100;
        byte[] answer = exchange(query("many.example.org", Type.A, 1));
        assertThat(answer.length).isLessThanOrEqualTo(512);
        assertThat(new Message(answer).getHeader().getFlag(Flags.TC)).isTrue();
        assertThat(ask("broken.example.org", Type.A, 2).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void namesThatPointAtThemselvesAreRefused() throws Exception {
        byte[] loop = query("a.b", Type.A, 1);
        loop[12] = (byte) 0xC0;
        loop[13] = 12;
        assertThat(new Message(exchange(loop)).getRcode()).isEqualTo(Rcode.FORMERR);
        byte[] two = query("a.b", Type.A, 1);
        two[5] = 2;
        assertThat(exchange(two)[3] & 0xF).isEqualTo(Rcode.FORMERR);
        assertThat(asked).hasValue(0);
    }

    @Test
    void anAnswerCountsOnlyWithTheRightIdAndQuestion() throws Exception {
        byte[] query = query("www.example.org", Type.A, 0x1234);
        byte[] answer = upstream(query);
        assertThat(SocketUpstream.answers(query, answer)).isTrue();
        byte[] guessed = answer.clone();
        guessed[1]++;
        assertThat(SocketUpstream.answers(query, guessed)).isFalse();
        assertThat(SocketUpstream.answers(query, upstream(query("www.example.com", Type.A, 0x1234)))).isFalse();
        assertThat(SocketUpstream.answers(query, query)).isFalse();
        assertThat(SocketUpstream.answers(query, Arrays.copyOf(answer, 20))).isFalse();
    }

    @Test
    void anAnswerWhoseNamesPointAtThemselvesIsAFailureAndEndsNothing() throws Exception {
        assertThat(ask("circle.example.org", Type.A, 1).getRcode()).isEqualTo(Rcode.SERVFAIL);
        assertThat(ask("www.example.org", Type.A, 2).getRcode()).isEqualTo(Rcode.NOERROR);
    }

    @Test
    void everyQuestionLeavesFromAPortAndWithAnIdThatNobodyCanGuess() throws Exception {
        int count = 24;
        var ports = new HashSet<Integer>();
        var ids = new ArrayList<Integer>();
        try (var server = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            Thread answering = Thread.ofVirtual().start(() -> {
                try {
                    for (int i = 0; i < count; i++) {
                        var packet = new DatagramPacket(new byte[512], 512);
                        server.receive(packet);
                        byte[] question = Arrays.copyOf(packet.getData(), packet.getLength());
                        ports.add(packet.getPort());
                        ids.add(Wire.u16(MemorySegment.ofArray(question), 0));
                        byte[] answer = upstream(question);
                        server.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                    }
                } catch (IOException failure) {
                    throw new UncheckedIOException(failure);
                }
            });
            var upstream = new SocketUpstream(List.of((InetSocketAddress) server.getLocalSocketAddress()),
                    Duration.ofMinutes(1));
            for (int i = 0; i < count; i++) {
                // The guest's own id says nothing of the one that goes out, and comes back.
                assertThat(new Message(upstream.query(query("www.example.org", Type.A, 7))).getHeader().getID())
                        .isEqualTo(7);
            }
            answering.join();
        }
        // Of 65,536 ids, and some 28,000 ports, a few may come twice; steps of one come by chance once in a thousand runs.
        assertThat(new HashSet<>(ids)).hasSizeGreaterThan(count - 4);
        assertThat(ports).hasSizeGreaterThan(count - 4);
        long steps = IntStream.range(1, count).filter(i -> Math.abs(ids.get(i) - ids.get(i - 1)) == 1).count();
        assertThat(steps).isLessThan(3);
    }
}
