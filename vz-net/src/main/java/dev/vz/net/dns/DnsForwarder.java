package dev.vz.net.dns;

import dev.vz.net.dns.DnsCache.Answer;
import dev.vz.net.gateway.DatagramService;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.LocalDatagram;
import dev.vz.net.packet.Wire;
import dev.vz.net.time.NetClock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Predicate;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;

/**
 * Name service at port 53 of a gateway, over UDP and TCP. Equal questions that wait are asked once; how many wait is
 * bounded, and what exceeds that is not answered, so that the guest asks again. Runs on the gateway's thread, asks on virtual
 * ones.
 */
public final class DnsForwarder implements DatagramService, AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(DnsForwarder.class.getName());
    private static final int PORT = 53;
    private static final int WAITING_QUESTIONS = 512;
    private static final int WAITING_CLIENTS = 64;
    private static final int CACHED = 16_384;
    private static final long CACHED_BYTES = 16L << 20;
    private static final long SECOND = 1_000_000_000L;
    private static final int LARGEST = 65_535;
    private static final int QR = 0x8000;
    private static final int TC = 0x0200;
    private static final int RA = 0x0080;

    /** Takes an answer: {@code length} bytes of {@code segment}, borrowed. */
    @FunctionalInterface
    interface Client {
        void answer(MemorySegment segment, int length);
    }

    private record Waiting(DnsQuestion question, Client client) {}

    private final Gateway gateway;
    private final DnsZone zone;
    private final DnsUpstream upstream;
    private final NetClock clock;
    private final DnsCache cache = new DnsCache(CACHED, CACHED_BYTES);
    private final AddressNames names = new AddressNames();
    private final Map<DnsQuestion, List<Waiting>> waiting = new HashMap<>();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final DnsQuestion question = new DnsQuestion(new SecureRandom().nextInt());
    private final MemorySegment buffer = Arena.ofAuto().allocate(LARGEST);
    private final DnsStreams streams;
    private volatile Predicate<String> policy = name -> true;
    private long queries;
    private long hits;

    /** Serves {@code gateway}'s guests from now on, and tells its egress policy the names that they asked for. */
    public DnsForwarder(Gateway gateway, DnsZone zone, DnsUpstream upstream) {
        this(gateway, zone, upstream, NetClock.system());
    }

    /** The same on another clock. */
    public DnsForwarder(Gateway gateway, DnsZone zone, DnsUpstream upstream, NetClock clock) {
        this.gateway = gateway;
        this.zone = zone;
        this.upstream = upstream;
        this.clock = clock;
        streams = new DnsStreams(this, gateway);
        gateway.bindDatagrams(PORT, this);
        gateway.bindStreams(PORT, streams);
        gateway.setNames(names::find);
    }

    /** Answers only names that {@code policy} accepts, in lower case without a dot at the end; others do not exist. */
    public void setPolicy(Predicate<String> policy) {
        this.policy = policy;
        gateway.execute(cache::clear);
    }

    /** The names that guests were told an address for, lately. */
    public Set<String> namesOf(InetAddress address) {
        return names.find(address);
    }

    @Override
    public void receive(LocalDatagram datagram) {
        queries++;
        MemorySegment segment = datagram.segment();
        long at = datagram.offset();
        if (!question.parse(segment, at, datagram.length())) {
            int length = refuse(segment, at, datagram.length());
            if (length > 0) {
                datagram.reply(buffer, 0, length);
            }
            return;
        }
        Answer found = cache.find(question, clock.nanos());
        if (found != null) {
            hits++;
            datagram.reply(buffer, 0, write(found, question, question.largestAnswer));
            return;
        }
        LocalDatagram.Peer peer = datagram.peer();
        ask(segment, at, datagram.length(), (answer, length) -> peer.reply(answer, 0, length));
    }

    /** A query of {@code length} bytes over TCP. */
    void stream(MemorySegment segment, long at, int length, Client client) {
        queries++;
        if (!question.parse(segment, at, length)) {
            int refusal = refuse(segment, at, length);
            if (refusal > 0) {
                client.answer(buffer, refusal);
            }
            return;
        }
        question.largestAnswer = LARGEST;
        Answer found = cache.find(question, clock.nanos());
        if (found != null) {
            hits++;
            client.answer(buffer, write(found, question, LARGEST));
        } else {
            ask(segment, at, length, client);
        }
    }

    /** Answers what is no query we know: its length in the buffer, or 0 for silence. */
    private int refuse(MemorySegment segment, long at, int length) {
        // An answer to an answer could go back and forth for ever.
        if (length < DnsQuestion.HEADER || (Wire.u16(segment, at + 2) & QR) != 0) {
            return 0;
        }
        int flags = Wire.u16(segment, at + 2);
        int code = (flags & 0x7800) != 0 ? Rcode.NOTIMP : Rcode.FORMERR;
        Wire.put16(buffer, 0, Wire.u16(segment, at));
        Wire.put16(buffer, 2, QR | flags & 0x7900 | code);
        Wire.put64(buffer, 4, 0);
        return DnsQuestion.HEADER;
    }

    /** Writes an answer for a question into the buffer, shortened to {@code largest} bytes. */
    private int write(Answer answer, DnsQuestion asked, int largest) {
        byte[] message = answer.message();
        int passed = (int) ((clock.nanos() - answer.stored()) / SECOND);
        boolean fits = message.length <= largest;
        int length = fits ? message.length : Math.min(message.length, DnsQuestion.HEADER + asked.nameLength + 4);
        MemorySegment.copy(message, 0, buffer, ValueLayout.JAVA_BYTE, 0, length);
        Wire.put16(buffer, 0, asked.id);
        if (fits) {
            int[] offsets = answer.ttlOffsets();
            for (int offset : offsets) {
                Wire.put32(buffer, offset, Math.max(0, Wire.i32(buffer, offset) - passed));
            }
        } else {
            Wire.put16(buffer, 2, Wire.u16(buffer, 2) | TC);
            Wire.put16(buffer, 6, 0);
            Wire.put32(buffer, 8, 0);
        }
        return length;
    }

    private void ask(MemorySegment segment, long at, int length, Client client) {
        DnsQuestion asked = question.copy();
        byte[] query = segment.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
        try {
            Name name = new Name(asked.name());
            byte[] own = ownAnswer(name, asked, query);
            if (own != null) {
                deliver(asked, new Answer(own, new int[0], clock.nanos(), 0), client);
                return;
            }
        } catch (IOException wrong) {
            int refusal = refuse(segment, at, length);
            client.answer(buffer, refusal);
            return;
        }
        List<Waiting> others = waiting.get(asked);
        if (others != null) {
            if (others.size() < WAITING_CLIENTS) {
                others.add(new Waiting(asked, client));
            }
            return;
        }
        if (waiting.size() >= WAITING_QUESTIONS) {
            return;
        }
        var list = new ArrayList<Waiting>();
        list.add(new Waiting(asked, client));
        waiting.put(asked, list);
        executor.execute(() -> askUpstream(asked, query));
    }

    private byte @org.jspecify.annotations.Nullable [] ownAnswer(Name name, DnsQuestion asked, byte[] query)
            throws IOException {
        String written = name.toString(true).toLowerCase(java.util.Locale.ROOT);
        boolean allowed = policy.test(written);
        List<Record> records = allowed ? zone.answer(name, asked.type()) : null;
        if (records == null && allowed && !zone.owns(name)) {
            return null;
        }
        if (records != null) {
            DnsAnswers.learn(records, written, names);
        }
        return DnsAnswers.own(new Message(query), records);
    }

    private void askUpstream(DnsQuestion asked, byte[] query) {
        byte[] answer;
        Answer kept;
        try {
            answer = upstream.query(query);
            kept = DnsAnswers.examine(answer, clock.nanos(), names);
        } catch (IOException | RuntimeException failure) {
            LOGGER.log(System.Logger.Level.DEBUG, "A name server failed", failure);
            kept = new Answer(DnsAnswers.failure(query), new int[0], clock.nanos(), clock.nanos());
        }
        Answer result = kept;
        gateway.execute(() -> answered(asked, result));
    }

    private void answered(DnsQuestion asked, Answer answer) {
        if (answer.expires() - clock.nanos() > 0) {
            cache.put(asked, answer);
        }
        List<Waiting> clients = waiting.remove(asked);
        if (clients != null) {
            clients.forEach(each -> deliver(each.question(), answer, each.client()));
        }
    }

    private void deliver(DnsQuestion asked, Answer answer, Client client) {
        int length = write(answer, asked, asked.largestAnswer);
        Wire.put16(buffer, 2, Wire.u16(buffer, 2) | RA);
        client.answer(buffer, length);
    }

    /** How many queries have come, and how many of them the cache answered; on the gateway's thread. */
    long[] counters() {
        return new long[] {queries, hits};
    }

    /** Ends what waits for name servers; the gateway's port 53 then answers from the cache only. */
    @Override
    public void close() {
        executor.shutdownNow();
        streams.close();
    }
}
