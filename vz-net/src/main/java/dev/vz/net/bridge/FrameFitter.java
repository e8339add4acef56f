package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.net.frame.FrameStore;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.Offload;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Segmenter;
import dev.vz.net.packet.VlanTag;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Makes frames fit a port: inserts, replaces or strips the VLAN tag, and does in software what the port cannot. A frame that
 * fits already passes where it lies; the others are copied. Not thread-safe.
 */
final class FrameFitter {

    private static final int ROOM = 4 * FrameStore.LARGE;

    private final FrameBatch ready = new FrameBatch();
    private final PacketView view = new PacketView();
    private final Segmenter segmenter = new Segmenter();
    private MemorySegment scratch = MemorySegment.NULL;
    private long used;
    private boolean cutting;

    /** What is ready to be sent. */
    FrameBatch ready() {
        return ready;
    }

    /** Forgets what was ready. */
    void clear() {
        ready.clear();
        used = 0;
    }

    /** Forgets a frame that was being cut; whether there was one. */
    boolean abandon() {
        boolean was = cutting;
        cutting = false;
        return was;
    }

    /**
     * Makes one frame ready, or as many of its segments as there is room for.
     *
     * @return whether it is done; if not, send what is ready, {@link #clear}, and call again with the same frame
     */
    boolean fit(FrameBatch batch, int index, int tag, LinkFeatures features) {
        MemorySegment segment = batch.segment(index);
        long header = batch.headerOffset(index);
        if (tag == OutBatch.KEEP && Offload.isAccepted(segment, header, features)) {
            return ready.add(batch, index);
        }
        int length = batch.length(index);
        if (ready.isFull() || used + FrameStore.LARGE > ROOM) {
            return false;
        }
        if (scratch.byteSize() == 0) {
            scratch = Arena.ofAuto().allocate(ROOM, 64);
        }
        if (!cutting) {
            boolean accepted = Offload.isAccepted(segment, header, features);
            boolean large = VnetHeader.gsoType(segment, header) != VnetHeader.GSO_NONE;
            if (accepted || !large) {
                int fitted = retag(segment, header, length, tag, used);
                if (!accepted) {
                    Offload.finishChecksum(scratch, used, fitted);
                }
                add(fitted);
                return true;
            }
            view.parse(segment, header + VnetHeader.SIZE, length - VnetHeader.SIZE);
            segmenter.begin(segment, header, view);
            cutting = true;
        }
        while (segmenter.hasNext()) {
            if (ready.isFull() || used + VnetHeader.SIZE + segmenter.largestFrame() + VlanTag.SIZE > ROOM) {
                return false;
            }
            // With room for a tag in front, so that the segment is not copied again to get one.
            int cut = segmenter.next(scratch, used);
            add(retagInPlace(cut, tag));
        }
        cutting = false;
        return true;
    }

    private void add(int length) {
        ready.add(scratch, used, length);
        used += length + 63 & ~63L;
    }

    /** Copies header and frame to {@code to} of the scratch space, with another tag. Returns the new length. */
    private int retag(MemorySegment segment, long header, int length, int tag, long to) {
        int macs = VnetHeader.SIZE + 12;
        if (tag == OutBatch.KEEP) {
            MemorySegment.copy(segment, header, scratch, to, length);
            return length;
        }
        MemorySegment.copy(segment, header, scratch, to, macs);
        int growth = OutBatch.growth(tag);
        int skip = tag == OutBatch.STRIP || tag >= OutBatch.REPLACE ? VlanTag.SIZE : 0;
        int insert = tag == OutBatch.STRIP ? 0 : VlanTag.SIZE;
        MemorySegment.copy(segment, header + macs + skip, scratch, to + macs + insert, length - macs - skip);
        writeTag(to, tag);
        shiftOffload(to, growth);
        return length + growth;
    }

    /** The same for a frame that lies in the scratch space already. */
    private int retagInPlace(int length, int tag) {
        int macs = VnetHeader.SIZE + 12;
        if (tag == OutBatch.STRIP) {
            MemorySegment.copy(scratch, used + macs + VlanTag.SIZE, scratch, used + macs,
                    length - macs - VlanTag.SIZE);
        } else if (tag != OutBatch.KEEP) {
            if (tag < OutBatch.REPLACE) {
                MemorySegment.copy(scratch, used + macs, scratch, used + macs + VlanTag.SIZE, length - macs);
            }
            writeTag(used, tag);
        }
        return length + OutBatch.growth(tag);
    }

    private void writeTag(long to, int tag) {
        if (tag != OutBatch.STRIP) {
            long at = to + VnetHeader.SIZE + 12;
            Wire.put16(scratch, at, EthernetHeader.VLAN);
            Wire.put16(scratch, at + 2, tag);
        }
    }

    /** {@code csum_start} and {@code hdr_len} count from the frame's start, before which the tag moved. */
    private void shiftOffload(long to, int growth) {
        int flags = VnetHeader.flags(scratch, to);
        int gso = VnetHeader.gsoType(scratch, to);
        boolean sums = (flags & VnetHeader.NEEDS_CSUM) != 0;
        if (growth != 0 && (sums || gso != VnetHeader.GSO_NONE)) {
            int headers = Math.max(0, VnetHeader.headerLength(scratch, to) + growth);
            VnetHeader.set(scratch, to, flags, gso, headers, VnetHeader.gsoSize(scratch, to),
                    sums ? VnetHeader.checksumStart(scratch, to) + growth : 0,
                    VnetHeader.checksumOffset(scratch, to));
        }
    }
}
