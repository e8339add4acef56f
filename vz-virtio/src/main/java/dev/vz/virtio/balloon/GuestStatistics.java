package dev.vz.virtio.balloon;

import java.util.Arrays;
import java.util.OptionalLong;

/**
 * What a guest said about its memory last (virtio 1.3, 5.5.6.3). Every value is the guest's word, and any may be missing.
 */
public final class GuestStatistics {

    /** A value that a guest can report. */
    public enum Tag {
        /** Bytes swapped in. */
        SWAP_IN(0),
        /** Bytes swapped out. */
        SWAP_OUT(1),
        /** Major page faults. */
        MAJFLT(2),
        /** Minor page faults. */
        MINFLT(3),
        /** Bytes that are not used for anything. */
        MEMFREE(4),
        /** Bytes in all. */
        MEMTOT(5),
        /** Bytes that programs could get without swapping. */
        AVAIL(6),
        /** Bytes of caches that could be given up. */
        CACHES(7),
        /** Huge pages allocated. */
        HTLB_PGALLOC(8),
        /** Huge pages that could not be allocated. */
        HTLB_PGFAIL(9);

        /** VIRTIO_BALLOON_S_…, the number in a report. */
        final int number;

        Tag(int number) {
            this.number = number;
        }
    }

    private static final Tag[] TAGS = Tag.values();
    /** Nothing is known. */
    static final GuestStatistics NONE = new GuestStatistics(0, new long[TAGS.length], 0);

    private final long sequence;
    private final long[] values;
    private final int known;

    private GuestStatistics(long sequence, long[] values, int known) {
        this.sequence = sequence;
        this.values = values;
        this.known = known;
    }

    /** Collects the values of one report. */
    static final class Builder {
        private final long[] values = new long[TAGS.length];
        private int known;

        void put(int tag, long value) {
            if (tag < TAGS.length) {
                values[tag] = value;
                known |= 1 << tag;
            }
        }

        GuestStatistics build(long sequence) {
            return new GuestStatistics(sequence, values, known);
        }
    }

    /** How many reports there were; 0 if none has come yet. */
    public long sequence() {
        return sequence;
    }

    /** The value of {@code tag}, if the guest reported it. */
    public OptionalLong get(Tag tag) {
        return (known >>> tag.number & 1) != 0 ? OptionalLong.of(values[tag.number]) : OptionalLong.empty();
    }

    @Override
    public String toString() {
        return "report " + sequence + " of the guest: " + Arrays.toString(values);
    }
}
