package dev.vz.net.gateway;

import dev.vz.net.MacAddress;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;

/**
 * A datagram that a guest sent to the gateway. Reused for the next one: whoever answers later keeps a {@link Peer}. Only on
 * the gateway's thread.
 */
public final class LocalDatagram {

    private final PacketWriter writer;
    private MemorySegment payload = MemorySegment.NULL;
    private long offset;
    private int length;
    private long mac;
    private long sourceHigh;
    private long sourceLow;
    private int sourcePort;
    private long destinationHigh;
    private long destinationLow;
    private int destinationPort;
    private long answerHigh;
    private long answerLow;

    LocalDatagram(PacketWriter writer) {
        this.writer = writer;
    }

    /** Whom to answer, and as whom. */
    public final class Peer {
        private final long peerMac = mac;
        private final long fromHigh = answerHigh;
        private final long fromLow = answerLow;
        private final int fromPort = destinationPort;
        private final long toHigh = sourceHigh;
        private final long toLow = sourceLow;
        private final int toPort = sourcePort;

        private Peer() {}

        /** Answers with {@code [at, at + size)} of {@code answer}; leaves at the end of the event being handled. */
        public void reply(MemorySegment answer, long at, int size) {
            writer.datagram(peerMac, fromHigh, fromLow, fromPort, toHigh, toLow, toPort, answer, at, size);
        }
    }

    LocalDatagram set(MemorySegment payload, long offset, int length, long mac, long sourceHigh, long sourceLow,
            int sourcePort, long destinationHigh, long destinationLow, int destinationPort, long answerHigh,
            long answerLow) {
        this.payload = payload;
        this.offset = offset;
        this.length = length;
        this.mac = mac;
        this.sourceHigh = sourceHigh;
        this.sourceLow = sourceLow;
        this.sourcePort = sourcePort;
        this.destinationHigh = destinationHigh;
        this.destinationLow = destinationLow;
        this.destinationPort = destinationPort;
        this.answerHigh = answerHigh;
        this.answerLow = answerLow;
        return this;
    }

    /** Where the payload is: {@link #length} bytes from {@link #offset} on. */
    public MemorySegment segment() {
        return payload;
    }

    /** Where in {@link #segment} the payload starts. */
    public long offset() {
        return offset;
    }

    /** Bytes of the payload. */
    public int length() {
        return length;
    }

    /** The Ethernet address of the guest. */
    public MacAddress mac() {
        return new MacAddress(mac);
    }

    /** The guest's address. */
    public InetAddress source() {
        return Address.toInet(sourceHigh, sourceLow);
    }

    /** The guest's port. */
    public int sourcePort() {
        return sourcePort;
    }

    /** Where it was sent to: the gateway, or a group or broadcast address. */
    public InetAddress destination() {
        return Address.toInet(destinationHigh, destinationLow);
    }

    /** Answers at once with {@code [at, at + size)} of {@code answer}, which is copied. */
    public void reply(MemorySegment answer, long at, int size) {
        writer.datagram(mac, answerHigh, answerLow, destinationPort, sourceHigh, sourceLow, sourcePort, answer, at,
                size);
    }

    /** Sends something else than an answer to the sender: to any address, and any port. */
    public void send(MacAddress to, InetAddress from, int fromPort, InetAddress receiver, int receiverPort,
            MemorySegment answer, long at, int size) {
        writer.datagram(to.value(), Address.high(from), Address.low(from), fromPort, Address.high(receiver),
                Address.low(receiver), receiverPort, answer, at, size);
    }

    /** Whom to answer later; allocates. */
    public Peer peer() {
        return new Peer();
    }
}
