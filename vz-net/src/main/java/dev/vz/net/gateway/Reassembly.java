package dev.vz.net.gateway;

import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Puts fragmented packets together (RFC 791, 3.2; RFC 8200, 4.5), a bounded number at a time. Fragments that overlap end
 * their packet (RFC 5722), and so does one that contradicts the length. When all places are taken the oldest gives way.
 */
final class Reassembly extends Timed {

    private static final long TIMEOUT = 30_000_000_000L;
    private static final int UNIT = 8;
    /** Where in a place's buffer the payload starts; the header goes right before it. */
    private static final int PAYLOAD = 64;

    private static final class Place {
        final MemorySegment buffer;
        final long[] have = new long[0x1_0000 / UNIT / 64];
        boolean used;
        long deadline;
        long sourceHigh;
        long sourceLow;
        long destinationHigh;
        long destinationLow;
        int identification;
        int protocol;
        int hops;
        int total;
        int units;
        long mac;

        Place(MemorySegment buffer) {
            this.buffer = buffer;
        }
    }

    private final GatewayCore core;
    private final SegmentAllocator arena;
    private final @Nullable Place[] places;
    private final PacketView expiredView = new PacketView();
    private int made;

    Reassembly(GatewayCore core, SegmentAllocator arena) {
        this.core = core;
        this.arena = arena;
        places = new Place[core.configuration.limits().reassemblies()];
    }

    /**
     * Takes a fragment.
     *
     * @return whether the packet is whole: {@code view} then looks at it, in a buffer that is valid until the next call
     */
    boolean add(PacketView view, long mac) {
        MemorySegment segment = view.segment();
        long ip = view.networkOffset();
        if (view.isIpv4()) {
            int header = Ipv4Header.headerLength(segment, ip);
            int field = Ipv4Header.fragment(segment, ip);
            return add(view, mac, 0, Address.mapped(Ipv4Header.source(segment, ip)), 0,
                    Address.mapped(Ipv4Header.destination(segment, ip)), Ipv4Header.identification(segment, ip),
                    Ipv4Header.protocol(segment, ip), (field & 0x1FFF) * UNIT,
                    (field & Ipv4Header.MORE_FRAGMENTS) != 0, ip + header, view.networkLength() - header,
                    Ipv4Header.timeToLive(segment, ip));
        }
        // The headers before the fragment header apply to each fragment; only options without meaning here may stand there.
        long at = ip + Ipv6Header.SIZE;
        long end = ip + view.networkLength();
        int next = Ipv6Header.nextHeader(segment, ip);
        while (next != IpProtocol.FRAGMENT) {
            if (next != IpProtocol.HOP_BY_HOP && next != IpProtocol.ROUTING && next != IpProtocol.DESTINATION_OPTIONS
                    || at + 8 > end) {
                return false;
            }
            next = Wire.u8(segment, at);
            at += (Wire.u8(segment, at + 1) + 1) * 8L;
        }
        if (at + 8 > end) {
            return false;
        }
        int field = Wire.u16(segment, at + 2);
        return add(view, mac, Ipv6Header.sourceHigh(segment, ip), Ipv6Header.sourceLow(segment, ip),
                Ipv6Header.destinationHigh(segment, ip), Ipv6Header.destinationLow(segment, ip),
                Wire.i32(segment, at + 4), Wire.u8(segment, at), field & 0xFFF8, (field & 1) != 0, at + 8,
                (int) (end - at - 8), Ipv6Header.hopLimit(segment, ip));
    }

    private boolean add(PacketView view, long mac, long sourceHigh, long sourceLow, long destinationHigh,
            long destinationLow, int identification, int protocol, int offset, boolean more, long at, int length,
            int hops) {
        // The whole must fit a packet with its header, and all parts but the last end at a unit.
        if (length <= 0 || offset + length > 0xFFFF - Ipv6Header.SIZE || more && length % UNIT != 0) {
            return false;
        }
        Place place = find(sourceHigh, sourceLow, destinationHigh, destinationLow, identification, protocol, mac);
        int first = offset / UNIT;
        int count = (length + UNIT - 1) / UNIT;
        for (int i = first; i < first + count; i++) {
            if ((place.have[i >>> 6] & 1L << i) != 0) {
                place.used = false;
                return false;
            }
        }
        boolean beyond = place.total >= 0 && (offset + length > place.total || !more);
        if (beyond || !more && highest(place) > first) {
            place.used = false;
            return false;
        }
        for (int i = first; i < first + count; i++) {
            place.have[i >>> 6] |= 1L << i;
        }
        MemorySegment.copy(view.segment(), at, place.buffer, PAYLOAD + offset, length);
        place.units += count;
        if (!more) {
            place.total = offset + length;
        }
        if (offset == 0) {
            place.hops = hops;
        }
        if (place.total < 0 || place.units < (place.total + UNIT - 1) / UNIT) {
            return false;
        }
        place.used = false;
        show(view, place, place.total);
        return true;
    }

    private static void show(PacketView view, Place place, int total) {
        int header = GuestLink.writeIp(place.buffer, PAYLOAD, place.sourceHigh, place.sourceLow, place.destinationHigh,
                place.destinationLow, place.protocol, place.hops, total, 0, place.identification);
        view.parseIp(place.buffer, PAYLOAD - header, header + total);
    }

    private static int highest(Place place) {
        for (int i = place.have.length - 1; i >= 0; i--) {
            if (place.have[i] != 0) {
                return i * 64 + 63 - Long.numberOfLeadingZeros(place.have[i]);
            }
        }
        return -1;
    }

    private Place find(long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, int identification,
            int protocol, long mac) {
        Place free = null;
        Place oldest = null;
        for (int i = 0; i < made; i++) {
            Place place = places[i];
            if (place == null) {
                continue;
            }
            if (!place.used) {
                free = place;
            } else if (place.identification == identification && place.sourceLow == sourceLow
                    && place.destinationLow == destinationLow && place.protocol == protocol && place.mac == mac
                    && place.sourceHigh == sourceHigh && place.destinationHigh == destinationHigh) {
                return place;
            } else if (oldest == null || place.deadline - oldest.deadline < 0) {
                oldest = place;
            }
        }
        if (free == null && made < places.length) {
            free = new Place(arena.allocate(PAYLOAD + 0x1_0000, 64));
            places[made++] = free;
        }
        Place place = free != null ? free : oldest;
        if (place == null) {
            throw new IllegalStateException("a gateway has at least one place for fragments");
        }
        Arrays.fill(place.have, 0);
        place.used = true;
        place.deadline = core.now + TIMEOUT;
        place.sourceHigh = sourceHigh;
        place.sourceLow = sourceLow;
        place.destinationHigh = destinationHigh;
        place.destinationLow = destinationLow;
        place.identification = identification;
        place.protocol = protocol;
        place.mac = mac;
        place.total = -1;
        place.units = 0;
        core.timers.arm(this, place.deadline);
        return place;
    }

    @Override
    void expired(long now) {
        boolean left = false;
        for (int i = 0; i < made; i++) {
            Place place = places[i];
            if (place != null && place.used) {
                if (place.deadline - now <= 0) {
                    place.used = false;
                    tellTimeout(place);
                } else {
                    left = true;
                    core.timers.arm(this, place.deadline);
                }
            }
        }
        if (!left) {
            core.timers.clear(this);
        }
    }

    /** RFC 792: only if the first fragment is there, as the error quotes it. */
    private void tellTimeout(Place place) {
        if ((place.have[0] & 1) != 0) {
            show(expiredView, place, UNIT);
            core.errors.reassemblyTimeout(expiredView, place.mac);
        }
    }
}
