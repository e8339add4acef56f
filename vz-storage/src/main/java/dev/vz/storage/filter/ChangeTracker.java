package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Remembers which parts of a disk have changed, whatever its format. Thread-safe.
 *
 * <p>
 * A part is marked before the change goes below, and once more when it has arrived: whoever takes the marks in between and
 * reads the old content finds it marked again. A change that fails stays marked, too.
 * Several marks may be kept at a time, each from its own moment on: one for each backup that follows its own rhythm.
 */
public final class ChangeTracker extends FilterDevice {

    private volatile List<Marks> all = List.of();
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::done);

    /** Over {@code below}; nothing is remembered yet. */
    public ChangeTracker(BlockDevice below) {
        super(below);
    }

    /**
     * Begins to remember changes.
     *
     * @param granularity bytes that are remembered together, a power of two from 512 to 64 MiB
     */
    public Marks track(int granularity) {
        var marks = new Marks(info().size(), granularity);
        track(marks);
        return marks;
    }

    /**
     * Begins to remember changes in {@code marks}, beside what they have.
     *
     * @throws ConfigurationException if they are of a disk of another size
     */
    public synchronized void track(Marks marks) {
        if (marks.size != info().size()) {
            throw new ConfigurationException("Marks of a disk of " + marks.size + " bytes do not fit one of "
                    + info().size());
        }
        var more = new ArrayList<>(all);
        more.add(marks);
        all = List.copyOf(more);
    }

    /** Remembers no more for {@code marks}. */
    public synchronized void forget(Marks marks) {
        var fewer = new ArrayList<>(all);
        fewer.remove(marks);
        all = List.copyOf(fewer);
    }

    @Override
    public void submit(BlockRequest request) {
        boolean changes = request.operation() != Operation.READ && request.operation() != Operation.FLUSH;
        if (changes && request.length() > 0) {
            BlockResult bad = request.check(info().size());
            if (bad != null) {
                request.complete(bad);
                return;
            }
            markAll(request);
            below().submit(children.take(request).like(request, request.offset()));
        } else {
            super.submit(request);
        }
    }

    private void done(ChildRequest child, BlockResult result) {
        markAll(child.parent());
        child.end(result);
    }

    private void markAll(BlockRequest request) {
        List<Marks> now = all;
        for (int i = 0; i < now.size(); i++) {
            now.get(i).mark(request.offset(), request.length());
        }
    }

    /** What has changed since some moment. Thread-safe. */
    public static final class Marks {

        private final long size;
        private final int granularity;
        private BitSet bits = new BitSet();

        /**
         * Marks for a disk.
         *
         * @param size        bytes of the disk
         * @param granularity bytes that are marked together, a power of two from 512 to 64 MiB
         */
        public Marks(long size, int granularity) {
            if (granularity < 512 || granularity > 64 << 20 || Integer.bitCount(granularity) != 1) {
                throw new ConfigurationException("Changes are remembered in units of a power of two from 512 bytes to"
                        + " 64 MiB, not " + granularity);
            }
            if (size / granularity >= Integer.MAX_VALUE) {
                throw new ConfigurationException("A disk of " + size + " bytes is too large for marks of "
                        + granularity + " bytes; use larger ones");
            }
            this.size = size;
            this.granularity = granularity;
        }

        /** Marks as {@link #toBytes} gave them; what lies past the disk's end does not count. */
        public Marks(long size, int granularity, byte[] bits) {
            this(size, granularity);
            this.bits = BitSet.valueOf(bits);
            int units = (int) Math.ceilDiv(size, (long) granularity);
            this.bits.clear(units, Math.max(units, this.bits.length()));
        }

        /** Bytes that are marked together. */
        public int granularity() {
            return granularity;
        }

        /** A bit for each unit of the disk, the first unit in the lowest bit of the first byte; zeros at the end left out. */
        public synchronized byte[] toBytes() {
            return bits.toByteArray();
        }

        /** Marks a range. */
        public synchronized void mark(long offset, long length) {
            bits.set((int) (offset / granularity), (int) ((offset + length - 1) / granularity) + 1);
        }

        /** Unmarks the units that lie wholly in a range. */
        public synchronized void clear(long offset, long length) {
            long end = offset + length == size ? offset + length + granularity - 1 : offset + length;
            int first = (int) ((offset + granularity - 1) / granularity);
            int last = (int) (end / granularity);
            if (first < last) {
                bits.clear(first, last);
            }
        }

        /** Where the first marked byte at or after {@code offset} is; the disk's size if there is none. */
        public synchronized long nextMarked(long offset) {
            int unit = bits.nextSetBit((int) (offset / granularity));
            return unit < 0 ? size : Math.min(size, Math.max(offset, (long) unit * granularity));
        }

        /** Where the first byte at or after {@code offset} that is not marked is; the disk's size if there is none. */
        public synchronized long nextClear(long offset) {
            return Math.min(size,
                    Math.max(offset, (long) bits.nextClearBit((int) (offset / granularity)) * granularity));
        }

        /** Bytes that are marked. */
        public synchronized long marked() {
            return Math.min(size, (long) bits.cardinality() * granularity);
        }

        /** Hands over what is marked and begins anew, in one step: no change falls in between. */
        public synchronized Marks take() {
            var taken = new Marks(size, granularity);
            taken.bits = bits;
            bits = new BitSet();
            return taken;
        }

        /** Adds what {@code others} has, such as the marks of a backup that failed. */
        public void add(Marks others) {
            BitSet more;
            synchronized (others) {
                more = (BitSet) others.bits.clone();
            }
            synchronized (this) {
                bits.or(more);
            }
        }
    }
}
