package dev.vz.net.bridge;

import dev.vz.net.IpPrefix;
import dev.vz.net.bridge.Rule.Action;
import dev.vz.net.bridge.Rule.Direction;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The rules of one port and direction, in order, with how often each has matched. Not thread-safe. */
final class RuleTable {

    static final RuleTable EMPTY = new RuleTable(List.of(), Direction.IN);

    private final Rule[] rules;
    private final PrefixMatch[] sources;
    private final PrefixMatch[] destinations;
    private final int[] numbers;
    private final long[] matches;

    RuleTable(List<Rule> all, Direction direction) {
        numbers = IntStream.range(0, all.size()).filter(i -> all.get(i).direction() == direction)
                .toArray();
        int count = numbers.length;
        rules = new Rule[count];
        sources = new PrefixMatch[count];
        destinations = new PrefixMatch[count];
        matches = new long[count];
        for (int i = 0; i < count; i++) {
            rules[i] = all.get(numbers[i]);
            sources[i] = PrefixMatch.of(rules[i].source());
            destinations[i] = PrefixMatch.of(rules[i].destination());
        }
    }

    boolean isEmpty() {
        return rules.length == 0;
    }

    /** Whether the frame may pass. */
    boolean allows(PacketView view, int vlan, long source, long destination) {
        for (int i = 0; i < rules.length; i++) {
            if (matches(i, view, vlan, source, destination)) {
                matches[i]++;
                return rules[i].action() == Action.ALLOW;
            }
        }
        return true;
    }

    /** Adds how often each rule has matched to {@code counts}, which has a place for every rule of the port. */
    void count(long[] counts) {
        for (int i = 0; i < numbers.length; i++) {
            counts[numbers[i]] += matches[i];
        }
    }

    private boolean matches(int i, PacketView view, int vlan, long source, long destination) {
        Rule rule = rules[i];
        if (rule.vlan() >= 0 && rule.vlan() != vlan || rule.etherType() >= 0 && rule.etherType() != view.type()) {
            return false;
        }
        if (rule.sourceMac() != null && rule.sourceMac().value() != source
                || rule.destinationMac() != null && rule.destinationMac().value() != destination) {
            return false;
        }
        if (!sources[i].matchesSource(view) || !destinations[i].matchesDestination(view)) {
            return false;
        }
        if (rule.protocol() < 0) {
            return true;
        }
        return view.protocol() == rule.protocol() && matchesPorts(rule, view);
    }

    private static boolean matchesPorts(Rule rule, PacketView view) {
        if (rule.sourcePort() == null && rule.destinationPort() == null) {
            return true;
        }
        if (view.transportOffset() < 0) {
            return rule.action() == Action.DENY;
        }
        // TCP and UDP have their ports in the same place.
        return (rule.sourcePort() == null
                || rule.sourcePort().contains(Wire.u16(view.segment(), view.transportOffset())))
                && (rule.destinationPort() == null
                        || rule.destinationPort().contains(Wire.u16(view.segment(), view.transportOffset() + 2)));
    }

    /** A prefix as numbers, to be compared without an object. */
    record PrefixMatch(int family, long high, long low, long highMask, long lowMask) {

        private static final PrefixMatch ANY = new PrefixMatch(0, 0, 0, 0, 0);

        static PrefixMatch of(@Nullable IpPrefix prefix) {
            if (prefix == null) {
                return ANY;
            }
            var bytes = MemorySegment.ofArray(prefix.network().getAddress());
            int length = prefix.length();
            if (prefix.isIpv4()) {
                long mask = length == 0 ? 0 : -1L << 32 - length & 0xFFFF_FFFFL;
                return new PrefixMatch(4, 0, Wire.u32(bytes, 0), 0, mask);
            }
            long highMask = length == 0 ? 0 : length >= 64 ? -1 : -1L << 64 - length;
            long lowMask = length <= 64 ? 0 : -1L << 128 - length;
            return new PrefixMatch(6, Wire.i64(bytes, 0), Wire.i64(bytes, 8), highMask, lowMask);
        }

        boolean matchesSource(PacketView view) {
            return matches(view, 12, 8, view.type() == EthernetHeader.ARP ? 14 : -1);
        }

        boolean matchesDestination(PacketView view) {
            return matches(view, 16, 24, view.type() == EthernetHeader.ARP ? 24 : -1);
        }

        boolean matches4(int address) {
            return family == 4 && (address & lowMask) == low;
        }

        boolean matches6(long addressHigh, long addressLow) {
            return family == 6 && (addressHigh & highMask) == high && (addressLow & lowMask) == low;
        }

        private boolean matches(PacketView view, int at4, int at6, int atArp) {
            if (family == 0) {
                return true;
            }
            if (view.isIpv4()) {
                return matches4(Wire.i32(view.segment(), view.networkOffset() + at4));
            }
            if (view.isIpv6()) {
                return matches6(Wire.i64(view.segment(), view.networkOffset() + at6),
                        Wire.i64(view.segment(), view.networkOffset() + at6 + 8));
            }
            return view.isArp() && matches4(Wire.i32(view.segment(), view.networkOffset() + atArp));
        }
    }
}
