package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.net.packet.VlanTag;

/** Frames for one port, each with what is to become of its VLAN tag. Not thread-safe. */
final class OutBatch {

    /** The frame is as it should be. */
    static final int KEEP = -1;
    /** Its tag goes. */
    static final int STRIP = -2;
    /** Added to the tag control information to be inserted. */
    static final int INSERT = 0;
    /** Added to the tag control information that replaces the frame's own. */
    static final int REPLACE = 1 << 16;

    final FrameBatch frames = new FrameBatch();
    final int[] tags = new int[FrameBatch.CAPACITY];
    /** The port that each came from. */
    final int[] sources = new int[FrameBatch.CAPACITY];

    void add(FrameBatch batch, int index, int tag, int source) {
        int at = frames.count();
        if (frames.add(batch, index)) {
            tags[at] = tag;
            sources[at] = source;
        }
    }

    void clear() {
        frames.clear();
    }

    /** By how many bytes {@code tag} makes a frame longer. */
    static int growth(int tag) {
        return tag == KEEP || tag >= REPLACE ? 0 : tag == STRIP ? -VlanTag.SIZE : VlanTag.SIZE;
    }
}
