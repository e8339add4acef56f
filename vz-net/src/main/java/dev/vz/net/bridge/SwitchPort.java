package dev.vz.net.bridge;

import dev.vz.link.LinkPort;
import dev.vz.net.bridge.Rule.Direction;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A port of a {@link VirtualSwitch}. Any thread may call; {@link #close} takes the port off the switch and closes its link.
 */
public final class SwitchPort implements AutoCloseable {

    private final VirtualSwitch owner;
    private final int number;
    private final LinkPort link;
    private final Egress egress;
    private volatile boolean closesWhenDown;

    // Everything below is guarded by the switch's lock.
    PortSettings settings;
    RuleTable rulesIn = RuleTable.EMPTY;
    RuleTable rulesOut = RuleTable.EMPTY;
    final TokenBucket receiveBucket = new TokenBucket();
    final TokenBucket broadcastBucket = new TokenBucket();
    final TokenBucket multicastBucket = new TokenBucket();
    final TokenBucket unknownBucket = new TokenBucket();
    boolean inspects;
    boolean learning = true;
    boolean forwarding = true;
    boolean mirrorOnly;
    @Nullable
    SwitchPort mirrorReceived;
    @Nullable
    SwitchPort mirrorSent;
    long received;
    long receivedBytes;
    private final long[] drops = new long[DropReason.values().length];

    SwitchPort(VirtualSwitch owner, int number, LinkPort link, PortSettings settings, Egress egress) {
        this.owner = owner;
        this.number = number;
        this.link = link;
        this.egress = egress;
        this.settings = settings;
    }

    /** Takes over {@code changed}; the queue keeps the size it was made with. */
    void apply(PortSettings changed) {
        settings = changed;
        rulesIn = new RuleTable(changed.rules(), Direction.IN);
        rulesOut = new RuleTable(changed.rules(), Direction.OUT);
        inspects = changed.inspects();
        receiveBucket.setLimit(changed.receiveLimit());
        broadcastBucket.setLimit(changed.storms().broadcast());
        multicastBucket.setLimit(changed.storms().multicast());
        unknownBucket.setLimit(changed.storms().unknown());
        egress.setLimit(changed.sendLimit());
    }

    Egress egress() {
        return egress;
    }

    void drop(DropReason reason) {
        drop(reason, 1);
    }

    @SuppressWarnings("EnumOrdinal") // a counter per reason, found without a map's look-up
    void drop(DropReason reason, long count) {
        drops[reason.ordinal()] += count;
    }

    @SuppressWarnings("EnumOrdinal") // as above
    private long dropped(DropReason reason) {
        return switch (reason) {
            case QUEUE_FULL -> egress.full();
            case LINK_DOWN -> egress.down();
            default -> drops[reason.ordinal()];
        };
    }

    /** Its number on the switch, given again after it is closed. */
    public int number() {
        return number;
    }

    /** The link's name. */
    public String name() {
        return link.name();
    }

    /** What it connects. */
    public LinkPort link() {
        return link;
    }

    /** How the switch treats it. */
    public PortSettings settings() {
        synchronized (owner) {
            return settings;
        }
    }

    /** Treats it differently from the next frame on. What was learned behind it is forgotten if its VLANs change. */
    public void change(PortSettings changed) {
        owner.change(this, changed);
    }

    /** Closes the port as soon as its link is down, instead of keeping its place for the link's return. */
    public void closeWhenDown() {
        closesWhenDown = true;
        if (!link.isUp()) {
            close();
        }
    }

    boolean closesWhenDown() {
        return closesWhenDown;
    }

    /** What went through so far. */
    public PortStatistics statistics() {
        synchronized (owner) {
            Map<DropReason, Long> reasons = new EnumMap<>(DropReason.class);
            for (DropReason reason : DropReason.values()) {
                long count = dropped(reason);
                if (count > 0) {
                    reasons.put(reason, count);
                }
            }
            long[] matches = new long[settings.rules().size()];
            rulesIn.count(matches);
            rulesOut.count(matches);
            return new PortStatistics(received, receivedBytes, egress.sent(), egress.sentBytes(), egress.queued(),
                    reasons, matches);
        }
    }

    @Override
    public void close() {
        owner.remove(this);
        link.close();
    }

    @Override
    public String toString() {
        return "port " + number + " (" + link.name() + ")";
    }
}
