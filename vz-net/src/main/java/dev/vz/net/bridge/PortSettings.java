package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a switch treats a port. Immutable; {@link #standard()} is a start for the methods below.
 *
 * @param vlans           its VLANs
 * @param isolated        whether it exchanges frames only with ports that are not isolated
 * @param group           a private group from 1 on, whose ports exchange frames only with each other and with ports of no
 *                        group; 0 for none
 * @param guard           the addresses that the station behind it may use; {@code null} for any
 * @param mayServeDhcp    whether there may be a DHCP server behind it
 * @param mayRoute        whether there may be a router behind it: its advertisements and redirects are passed on
 * @param mayBridge       whether there may be another bridge behind it; BPDUs are dropped otherwise
 * @param learningLimit   how many stations may be learned behind it
 * @param storms          how many frames to many at once it may send
 * @param receiveLimit    bits a second that it may send into the switch; more is dropped
 * @param sendLimit       bits a second that the switch sends to it; more waits
 * @param queueBytes      bytes that may wait for it; more is dropped, fairly among the ports that they come from
 * @param rules           what may pass
 */
public record PortSettings(PortVlans vlans, boolean isolated, int group, @Nullable AddressGuard guard,
        boolean mayServeDhcp, boolean mayRoute, boolean mayBridge, int learningLimit, StormLimits storms,
        RateLimit receiveLimit, RateLimit sendLimit, int queueBytes, List<Rule> rules) {

    private static final int MOST_RULES = 4096;
    private static final int SMALLEST_QUEUE = 1 << 18;

    private static final PortSettings STANDARD = new PortSettings(PortVlans.access(PortVlans.DEFAULT), false, 0, null,
            true, true, true, 4096, StormLimits.NONE, RateLimit.NONE, RateLimit.NONE, 4 << 20, List.of());

    /** Checks the numbers. */
    public PortSettings {
        rules = List.copyOf(rules);
        if (group < 0 || learningLimit < 0 || queueBytes < SMALLEST_QUEUE || rules.size() > MOST_RULES) {
            throw new ConfigurationException("A port has a group from 0 on, a learning limit from 0 on, a queue of at "
                    + "least " + SMALLEST_QUEUE + " bytes and at most " + MOST_RULES + " rules: group " + group
                    + ", limit " + learningLimit + ", queue " + queueBytes + ", " + rules.size() + " rules");
        }
    }

    /** VLAN 1 without tags, no limits, no guards. */
    public static PortSettings standard() {
        return STANDARD;
    }

    /** For a guest that is not trusted: no DHCP server, router or bridge behind it, few stations, no storms. */
    public static PortSettings guest() {
        return new PortSettings(STANDARD.vlans, false, 0, null, false, false, false, 16,
                StormLimits.framesPerSecond(1000), RateLimit.NONE, RateLimit.NONE, STANDARD.queueBytes, List.of());
    }

    /** The same in other VLANs. */
    public PortSettings withVlans(PortVlans other) {
        return new PortSettings(other, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same, isolated or not. */
    public PortSettings withIsolation(boolean other) {
        return new PortSettings(vlans, other, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same in another private group, or in none (0). */
    public PortSettings withGroup(int other) {
        return new PortSettings(vlans, isolated, other, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same with another guard, or none. */
    public PortSettings withGuard(@Nullable AddressGuard other) {
        return new PortSettings(vlans, isolated, group, other, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same with other answers to what may be behind it. */
    public PortSettings withTrust(boolean dhcpServer, boolean router, boolean bridge) {
        return new PortSettings(vlans, isolated, group, guard, dhcpServer, router, bridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same with another learning limit. */
    public PortSettings withLearningLimit(int other) {
        return new PortSettings(vlans, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, other, storms,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same with other storm limits. */
    public PortSettings withStorms(StormLimits other) {
        return new PortSettings(vlans, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, other,
                receiveLimit, sendLimit, queueBytes, rules);
    }

    /** The same with other rates: what comes from the port, and what goes to it. */
    public PortSettings withRates(RateLimit receive, RateLimit send) {
        return new PortSettings(vlans, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receive, send, queueBytes, rules);
    }

    /** The same with room for so many waiting bytes. */
    public PortSettings withQueueBytes(int other) {
        return new PortSettings(vlans, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, other, rules);
    }

    /** The same with other rules. */
    public PortSettings withRules(List<Rule> other) {
        return new PortSettings(vlans, isolated, group, guard, mayServeDhcp, mayRoute, mayBridge, learningLimit, storms,
                receiveLimit, sendLimit, queueBytes, other);
    }

    /** Whether frames from the port have to be looked into. */
    boolean inspects() {
        return guard != null || !mayServeDhcp || !mayRoute || !rules.isEmpty();
    }
}
