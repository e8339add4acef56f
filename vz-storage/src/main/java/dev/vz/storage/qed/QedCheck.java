package dev.vz.storage.qed;

import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CheckReport;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Looks for places that are wrong or used twice, and for clusters that nothing uses: section "Consistency checking". */
final class QedCheck {

    private static final int MAX_MESSAGES = 1000;

    private final ImageFile file;
    private final QedHeader header;
    private final long[] l1;
    private final TwoLevelMap map;
    private final long clusters;
    private final BitSet used = new BitSet();
    private final List<String> messages = new ArrayList<>();
    private final List<Long> wrong = new ArrayList<>();
    private long corruptions;
    private long allocated;
    private long fragmented;
    private long last;

    QedCheck(ImageFile file, QedHeader header, long[] l1, TwoLevelMap map) {
        this.file = file;
        this.header = header;
        this.l1 = l1;
        this.map = map;
        this.clusters = (file.size() + header.clusterSize() - 1) / header.clusterSize();
    }

    /** Everything; {@code fix} forgets entries that are wrong. */
    CheckReport check(boolean fix) {
        use(0, header.headerSize(), "the header");
        use(header.l1TableOffset(), header.tableSize(), "the L1 table");
        int broken = 0;
        for (int i = 0; i < l1.length; i++) {
            if (l1[i] != TwoLevelMap.NO_TABLE && !use(l1[i], header.tableSize(), "L2 table " + i)) {
                broken++;
                if (fix) {
                    l1[i] = TwoLevelMap.NO_TABLE;
                }
            }
        }
        map.forEach(this::granule);
        long fixed = 0;
        if (fix) {
            wrong.forEach(map::unlink);
            fixed = corruptions;
            if (broken > 0) {
                new QedEntries(header.l1TableOffset()).writeDirectory(file, l1, 0, l1.length);
            }
        }
        long leaks = Math.max(0, clusters - used.cardinality());
        long total = (header.imageSize() + header.clusterSize() - 1) / header.clusterSize();
        return new CheckReport(corruptions - fixed, leaks, fixed, 0, total, allocated, fragmented, 0, 0, 0, List.copyOf(
                messages));
    }

    private void granule(long index, long place) {
        if (place == TwoLevelMap.ZERO) {
            return;
        }
        if (!use(place, 1, "cluster " + index)) {
            wrong.add(index);
            return;
        }
        allocated++;
        if (last != 0 && place != last + header.clusterSize()) {
            fragmented++;
        }
        last = place;
    }

    private boolean use(long place, int count, String what) {
        long first = place / header.clusterSize();
        if (place < 0 || place % header.clusterSize() != 0 || first > Math.min(clusters, Integer.MAX_VALUE) - count) {
            return corrupt(what + " is said to be at " + Long.toUnsignedString(place));
        }
        for (long cluster = first; cluster < first + count; cluster++) {
            if (used.get((int) cluster)) {
                return corrupt(what + " is at " + place + ", where something else is, too");
            }
        }
        used.set((int) first, (int) first + count);
        return true;
    }

    private boolean corrupt(String what) {
        corruptions++;
        if (messages.size() < MAX_MESSAGES) {
            messages.add("ERROR " + what);
        }
        return false;
    }
}
