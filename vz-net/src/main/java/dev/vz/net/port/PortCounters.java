package dev.vz.net.port;

import java.util.concurrent.atomic.LongAdder;

/** What went through a port, and what did not. Any thread may count and read. */
public final class PortCounters {

    private final LongAdder received = new LongAdder();
    private final LongAdder receivedBytes = new LongAdder();
    private final LongAdder sent = new LongAdder();
    private final LongAdder sentBytes = new LongAdder();
    private final LongAdder receiveDropped = new LongAdder();
    private final LongAdder sendDropped = new LongAdder();
    private final LongAdder malformed = new LongAdder();

    /** All zero. */
    public PortCounters() {}

    void received(long frames, long bytes) {
        received.add(frames);
        receivedBytes.add(bytes);
    }

    void sent(long frames, long bytes) {
        sent.add(frames);
        sentBytes.add(bytes);
    }

    void receiveDropped(long frames) {
        receiveDropped.add(frames);
    }

    void sendDropped(long frames) {
        sendDropped.add(frames);
    }

    void countMalformed() {
        malformed.increment();
    }

    /** Frames that arrived. */
    public long received() {
        return received.sum();
    }

    /** Bytes of Ethernet frames that arrived. */
    public long receivedBytes() {
        return receivedBytes.sum();
    }

    /** Frames that left. */
    public long sent() {
        return sent.sum();
    }

    /** Bytes of Ethernet frames that left. */
    public long sentBytes() {
        return sentBytes.sum();
    }

    /** Frames that arrived and that nobody took. */
    public long receiveDropped() {
        return receiveDropped.sum();
    }

    /** Frames that the other side refused. */
    public long sendDropped() {
        return sendDropped.sum();
    }

    /** What arrived and was no frame: too short, too long, truncated. */
    public long malformed() {
        return malformed.sum();
    }

    @Override
    public String toString() {
        return "received " + received() + " (" + receivedBytes() + " bytes, " + receiveDropped() + " dropped, "
                + malformed() + " malformed), sent " + sent() + " (" + sentBytes() + " bytes, " + sendDropped()
                + " dropped)";
    }
}
