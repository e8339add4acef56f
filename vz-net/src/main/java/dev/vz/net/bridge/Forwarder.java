package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.ForwardingTable.Learned;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.Offload;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.VlanTag;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Decides for each frame where it goes, and with what tag. Used under the switch's lock. */
final class Forwarder {

    private static final long BROADCAST = MacAddress.BROADCAST.value();
    /** The reserved addresses of IEEE 802.1D, table 7-10, without their last digit. */
    private static final long RESERVED = 0x0180_C200_0000L;

    private final SwitchSettings settings;
    private final ForwardingTable table;
    private final MulticastTable groups;
    private final MulticastSnooper snooper;
    private final @Nullable SpanningTree tree;
    private final Runnable heard;
    /** Whether any port has a rule for what leaves it, so that every frame has to be looked into. */
    boolean rulesOut;

    /** A forwarder that runs {@code heard} when the spanning tree may have something to say. */
    Forwarder(SwitchSettings settings, ForwardingTable table, MulticastTable groups, @Nullable SpanningTree tree,
            Runnable heard) {
        this.settings = settings;
        this.table = table;
        this.groups = groups;
        this.tree = tree;
        this.heard = heard;
        snooper = new MulticastSnooper(groups);
    }

    /** Decides where a frame goes. Returns why it goes nowhere, {@code null} if it goes somewhere. */
    @Nullable
    DropReason forward(Forwarding work, SwitchPort in, @Nullable SwitchPort[] ports, FrameBatch batch, int index,
            long now) {
        MemorySegment segment = batch.segment(index);
        long at = batch.frameOffset(index);
        int length = batch.frameLength(index);
        in.received++;
        in.receivedBytes += length;
        if (in.mirrorReceived != null) {
            work.add(in.mirrorReceived, batch, index, OutBatch.KEEP, in.number());
        }
        if (in.mirrorOnly) {
            return DropReason.MIRROR_PORT;
        }
        if (length < EthernetHeader.SIZE) {
            return DropReason.MALFORMED;
        }
        long destination = EthernetHeader.destination(segment, at);
        long source = EthernetHeader.source(segment, at);
        boolean tagged = EthernetHeader.type(segment, at) == EthernetHeader.VLAN;
        if (tagged && length < EthernetHeader.SIZE + VlanTag.SIZE) {
            return DropReason.MALFORMED;
        }
        if (MacAddress.isMulticast(source) || source == 0) {
            return DropReason.BAD_SOURCE;
        }
        boolean many = MacAddress.isMulticast(destination);
        boolean reserved = (destination & ~0xFL) == RESERVED;
        if (destination == RESERVED) {
            DropReason reason = bpdu(in, segment, at, length, now);
            if (reason != null) {
                return reason;
            }
        }
        int control = tagged ? VlanTag.control(segment, at + 12) : 0;
        int vlan = in.settings.vlans().classify(control & 0xFFF);
        if (vlan < 0) {
            return DropReason.VLAN;
        }
        if (!in.learning) {
            return DropReason.BLOCKED;
        }
        PacketView view = work.view;
        long header = batch.headerOffset(index);
        boolean offloaded = !Offload.isFinished(segment, header);
        boolean snooped = many && settings.snoopsMulticast() && destination != BROADCAST;
        if (offloaded || in.inspects || snooped || rulesOut) {
            view.parse(segment, at, length);
            if (offloaded && !Offload.check(segment, header, view)) {
                return DropReason.BAD_OFFLOAD;
            }
            DropReason reason = in.inspects ? inspect(in, view, vlan, source, destination) : null;
            if (reason != null) {
                return reason;
            }
        }
        if (!in.receiveBucket.take(8L * length, now)) {
            return DropReason.RATE;
        }
        if (many && !(destination == BROADCAST ? in.broadcastBucket : in.multicastBucket).take(1, now)) {
            return DropReason.STORM;
        }
        if (table.learn(vlan, source, in.number(), in.settings.learningLimit(), now) == Learned.STATIC_ELSEWHERE) {
            return DropReason.SPOOFED_MAC;
        }
        if (reserved && destination != RESERVED) {
            return DropReason.LINK_LOCAL;
        }
        if (!in.forwarding) {
            return DropReason.BLOCKED;
        }
        int frameTag = tagged ? control : -1;
        if (!many) {
            int known = table.find(vlan, destination);
            SwitchPort out = known < 0 ? null : ports[known];
            if (out != null) {
                return deliver(work, in, out, batch, index, vlan, frameTag, offloaded, source, destination)
                        ? null
                        : DropReason.NO_DESTINATION;
            }
            if (!in.unknownBucket.take(1, now)) {
                return DropReason.STORM;
            }
        }
        MulticastSnooper.Verdict verdict = snooped
                ? snooper.listen(view, vlan, in.number(), now)
                : MulticastSnooper.Verdict.QUERY;
        if (verdict == MulticastSnooper.Verdict.MALFORMED) {
            return DropReason.MALFORMED;
        }
        // Without somebody who asks for members, nobody's silence means anything.
        boolean selective = snooped && verdict != MulticastSnooper.Verdict.QUERY && groups.hasQuerier(now)
                && (verdict == MulticastSnooper.Verdict.REPORT || MulticastSnooper.isSnooped(destination));
        int group = selective && verdict == MulticastSnooper.Verdict.OTHER ? groups.find(vlan, destination) : -1;
        boolean sent = false;
        for (SwitchPort out : ports) {
            if (out != null && out != in && (!selective || groups.isRouter(out.number(), now)
                    || group >= 0 && groups.isMember(group, out.number(), now))) {
                sent |= deliver(work, in, out, batch, index, vlan, frameTag, offloaded, source, destination);
            }
        }
        return sent ? null : DropReason.NO_DESTINATION;
    }

    private @Nullable DropReason inspect(SwitchPort in, PacketView view, int vlan, long source, long destination) {
        if (in.settings.guard() != null) {
            DropReason reason = in.settings.guard().objection(view, source);
            if (reason != null) {
                return reason;
            }
        }
        if (view.isMalformed()) {
            return DropReason.MALFORMED;
        }
        DropReason reason = RoleGuard.objection(view, in.settings);
        if (reason != null) {
            return reason;
        }
        return in.rulesIn.allows(view, vlan, source, destination) ? null : DropReason.RULE;
    }

    /** A frame to all bridges: for the spanning tree or, where there is none, for all ports, as the Linux bridge does. */
    private @Nullable DropReason bpdu(SwitchPort in, MemorySegment segment, long at, int length, long now) {
        if (!in.settings.mayBridge()) {
            return DropReason.BPDU;
        }
        if (tree == null) {
            return null;
        }
        if (tree.receive(in, segment, at, length, now)) {
            heard.run();
            return DropReason.LINK_LOCAL;
        }
        return DropReason.MALFORMED;
    }

    private boolean deliver(Forwarding work, SwitchPort in, SwitchPort out, FrameBatch batch, int index, int vlan,
            int frameTag, boolean offloaded, long source, long destination) {
        PortVlans vlans = out.settings.vlans();
        if (out == in || !out.forwarding || out.mirrorOnly || !vlans.carries(vlan)
                || in.settings.isolated() && out.settings.isolated()
                || in.settings.group() != 0 && out.settings.group() != 0
                        && in.settings.group() != out.settings.group()) {
            return false;
        }
        if (!out.rulesOut.isEmpty() && (work.view.isMalformed()
                || !out.rulesOut.allows(work.view, vlan, source, destination))) {
            out.drop(DropReason.RULE);
            return false;
        }
        if (!fits(work, out, batch, index, frameTag >= 0, offloaded)) {
            out.drop(DropReason.TOO_LONG);
            return false;
        }
        int tag = OutBatch.KEEP;
        if (vlans.carriesTagged(vlan)) {
            int wanted = (frameTag < 0 ? 0 : frameTag & 0xF000) | vlan;
            if (frameTag < 0) {
                tag = OutBatch.INSERT | wanted;
            } else if (wanted != frameTag) {
                tag = OutBatch.REPLACE | wanted;
            }
        } else if (frameTag >= 0) {
            tag = OutBatch.STRIP;
        }
        work.add(out, batch, index, tag, in.number());
        if (out.mirrorSent != null) {
            work.add(out.mirrorSent, batch, index, tag, in.number());
        }
        return true;
    }

    private static boolean fits(Forwarding work, SwitchPort out, FrameBatch batch, int index, boolean tagged,
            boolean offloaded) {
        MemorySegment segment = batch.segment(index);
        long header = batch.headerOffset(index);
        int payload = batch.frameLength(index) - EthernetHeader.SIZE - (tagged ? VlanTag.SIZE : 0);
        int mtu = out.link().features().mtu();
        if (payload <= mtu) {
            return true;
        }
        if (!offloaded || VnetHeader.gsoType(segment, header) == VnetHeader.GSO_NONE) {
            return false;
        }
        // A large frame is as long as its segments will be.
        PacketView view = work.view;
        int transport = view.isTcp() ? TcpHeader.headerLength(segment, view.transportOffset()) : 8;
        return view.transportOffset() - view.networkOffset() + transport + VnetHeader.gsoSize(segment, header) <= mtu;
    }
}
