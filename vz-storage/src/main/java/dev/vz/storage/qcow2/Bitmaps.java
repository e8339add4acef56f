package dev.vz.storage.qcow2;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The persistent bitmaps of an open image. While it is open for writing, the enabled ones are in memory and record what is
 * written, and the file says that they are in use; they are stored when the image is closed. After a crash they still
 * say so, and nobody takes them for complete.
 *
 * <p>
 * Everything but {@link #mark} is used under the metadata lock, with nothing in flight and everything written.
 */
final class Bitmaps {

    private final Tables tables;
    private final Geometry geometry;
    private List<BitmapEntry> entries;
    /** What is recorded, by name; marks come from any thread. */
    private volatile Map<String, ChangeBits> recorded = Map.of();

    Bitmaps(Tables tables) {
        this.tables = tables;
        this.geometry = tables.geometry;
        this.entries = BitmapEntry.read(tables.file, tables.header());
    }

    List<BitmapInfo> infos() {
        return entries.stream().map(BitmapEntry::info).map(info -> recorded.containsKey(info.name()) ? new BitmapInfo(
                info.name(), info.granularity(), info.enabled(), true) : info).toList();
    }

    /** The image is going to be written: from now on changes are recorded. */
    void start(long size) {
        Map<String, ChangeBits> loaded = new LinkedHashMap<>();
        List<BitmapEntry> used = new ArrayList<>();
        for (BitmapEntry entry : entries) {
            boolean records = (entry.flags() & BitmapEntry.AUTO) != 0 && (entry.flags() & BitmapEntry.IN_USE) == 0;
            if (records && entry.extra().length > 0 && (entry.flags() & BitmapEntry.EXTRA_COMPATIBLE) == 0) {
                throw new CapabilityException("Cannot write to " + tables.file.name() + ": its bitmap '" + entry.name()
                        + "' has extra data that is not known here");
            }
            if (records) {
                loaded.put(entry.name(), load(entry, size));
            }
            used.add(records ? entry.withFlags(entry.flags() | BitmapEntry.IN_USE) : entry);
        }
        if (!loaded.isEmpty()) {
            writeDirectory(used);
        }
        recorded = loaded;
    }

    /** Something is about to be written to the disk there. Any thread. */
    void mark(long offset, long length) {
        Map<String, ChangeBits> all = recorded;
        if (!all.isEmpty()) {
            for (ChangeBits bits : all.values()) {
                bits.mark(offset, length);
            }
        }
    }

    /** The image is closed in good order: what was recorded is stored. */
    void stop() {
        if (recorded.isEmpty()) {
            return;
        }
        List<BitmapEntry> stored = new ArrayList<>();
        for (BitmapEntry entry : entries) {
            ChangeBits bits = recorded.get(entry.name());
            stored.add(bits == null ? entry : store(entry, bits, entry.flags() & ~BitmapEntry.IN_USE));
        }
        recorded = Map.of();
        writeDirectory(stored);
    }

    void add(String name, int granularity, boolean enabled, long size) {
        if (name.isEmpty() || name.getBytes(java.nio.charset.StandardCharsets.UTF_8).length > BitmapEntry.MAX_NAME) {
            throw new ConfigurationException("Bitmap name is too long or empty: '" + name + "'");
        }
        if (entries.stream().anyMatch(each -> each.name().equals(name))) {
            throw new ConfigurationException("Bitmap already exists: " + name);
        }
        if (Integer.bitCount(granularity) != 1 || granularity < 512) {
            throw new ConfigurationException("Granularity must be a power of 2 and at least 512, not " + granularity);
        }
        if (tables.header().version() < 3) {
            throw new ConfigurationException("Cannot store dirty bitmaps in qcow2 v2 files");
        }
        var bits = new ChangeBits(size, granularity);
        var entry = new BitmapEntry(0, 0, enabled ? BitmapEntry.AUTO : 0, Integer.numberOfTrailingZeros(granularity),
                name,
                new byte[0]);
        var longer = new ArrayList<>(entries);
        longer.add(store(entry, bits, entry.flags() | (enabled ? BitmapEntry.IN_USE : 0)));
        writeDirectory(longer);
        if (enabled) {
            var more = new LinkedHashMap<>(recorded);
            more.put(name, bits);
            recorded = more;
        }
    }

    void remove(String name) {
        BitmapEntry entry = find(name);
        var shorter = new ArrayList<>(entries);
        shorter.remove(entry);
        var fewer = new LinkedHashMap<>(recorded);
        fewer.remove(name);
        recorded = fewer;
        writeDirectory(shorter);
        giveBack(entry);
    }

    void clear(String name, long size) {
        BitmapEntry entry = consistent(name);
        replace(entry, new ChangeBits(size, 1 << entry.granularityBits()));
    }

    /** Adds what {@code more} holds. */
    void merge(String name, ChangeBits more, long size) {
        BitmapEntry entry = consistent(name);
        ChangeBits bits = bits(name, size);
        bits.add(more);
        replace(entry, bits);
    }

    void enable(String name, boolean enabled, long size) {
        BitmapEntry entry = consistent(name);
        ChangeBits bits = bits(name, size);
        var others = new LinkedHashMap<>(recorded);
        others.remove(name);
        int flags = enabled ? BitmapEntry.AUTO | BitmapEntry.IN_USE : 0;
        put(entry, store(entry, bits, flags));
        if (enabled) {
            others.put(name, bits);
        }
        recorded = others;
    }

    /** What the bitmap holds now. */
    ChangeBits bits(String name, long size) {
        BitmapEntry entry = consistent(name);
        ChangeBits known = recorded.get(name);
        return known == null ? load(entry, size) : known;
    }

    private void replace(BitmapEntry entry, ChangeBits bits) {
        if (recorded.containsKey(entry.name())) {
            var others = new LinkedHashMap<>(recorded);
            others.put(entry.name(), bits);
            recorded = others;
        } else {
            put(entry, store(entry, bits, entry.flags()));
        }
    }

    private void put(BitmapEntry before, BitmapEntry after) {
        var changed = new ArrayList<>(entries);
        changed.set(changed.indexOf(before), after);
        writeDirectory(changed);
    }

    private BitmapEntry find(String name) {
        return entries.stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow(
                () -> new ConfigurationException("Dirty bitmap '" + name + "' not found"));
    }

    private BitmapEntry consistent(String name) {
        BitmapEntry entry = find(name);
        if ((entry.flags() & BitmapEntry.IN_USE) != 0 && !recorded.containsKey(name)) {
            throw new LifecycleException("Bitmap '" + name
                    + "' is inconsistent and cannot be used; try to remove it from disk and make it anew");
        }
        return entry;
    }

    private ChangeBits load(BitmapEntry entry, long size) {
        var bits = new ChangeBits(size, 1 << entry.granularityBits());
        long needed = geometry.clusters(bits.bytes());
        if (needed != entry.tableEntries()) {
            throw new dev.vz.error.FormatException(
                    "The bitmap '" + entry.name() + "' of " + tables.file.name() + " has "
                            + entry.tableEntries() + " clusters, a disk of " + size + " bytes needs " + needed);
        }
        long[] table = Refcounts.readTable(tables.file, entry.tableOffset(), entry.tableEntries());
        byte[] cluster = new byte[geometry.clusterSize()];
        for (int i = 0; i < table.length; i++) {
            long at = table[i] & Geometry.OFFSET_MASK;
            if (at != 0) {
                tables.file.read(at, MemorySegment.ofArray(cluster));
                bits.load((long) i * cluster.length, cluster);
            } else if ((table[i] & 1) != 0) {
                java.util.Arrays.fill(cluster, (byte) 0xff);
                bits.load((long) i * cluster.length, cluster);
            }
        }
        return bits;
    }

    /** Writes the bits to new clusters and gives back those that the entry had. */
    private BitmapEntry store(BitmapEntry entry, ChangeBits bits, int flags) {
        int count = (int) geometry.clusters(bits.bytes());
        long[] table = new long[count];
        byte[] cluster = new byte[geometry.clusterSize()];
        for (int i = 0; i < count; i++) {
            if (bits.save((long) i * cluster.length, cluster)) {
                table[i] = tables.refcounts.allocateTable(1) << geometry.clusterBits();
                tables.file.write(table[i], MemorySegment.ofArray(cluster));
            }
        }
        long place = 0;
        if (count > 0) {
            long clusters = geometry.clusters(count * 8L);
            place = tables.refcounts.allocateTable(clusters) << geometry.clusterBits();
            Tables.writeEntries(tables.file, table, place, clusters << geometry.clusterBits());
        }
        stale.add(entry);
        return entry.withTable(place, count, flags);
    }

    /** Entries whose storage nothing points to once the directory is written. */
    private final List<BitmapEntry> stale = new ArrayList<>();

    private void writeDirectory(List<BitmapEntry> changed) {
        byte[] bytes = BitmapEntry.encode(changed);
        long clusters = geometry.clusters(bytes.length);
        long place = clusters == 0 ? 0 : tables.refcounts.allocateTable(clusters) << geometry.clusterBits();
        if (clusters > 0) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment directory = arena.allocate(clusters << geometry.clusterBits());
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, directory, 0, bytes.length);
                tables.file.write(place, directory);
            }
        }
        BitmapEntry.Directory before = BitmapEntry.directory(tables.header())
                .orElse(new BitmapEntry.Directory(0, 0, 0));
        tables.writeBack();
        tables.flushFiles();
        tables.writeHeader(tables.header().withBitmaps(changed.size(), bytes.length, place));
        tables.flushFiles();
        if (before.count() > 0 && before.offset() != 0) {
            tables.refcounts.releaseTable(before.offset() >>> geometry.clusterBits(), geometry.clusters(before.size()));
        }
        entries = List.copyOf(changed);
        stale.forEach(this::giveBack);
        stale.clear();
        tables.writeBack();
    }

    private void giveBack(BitmapEntry entry) {
        if (entry.tableOffset() == 0) {
            return;
        }
        for (long each : Refcounts.readTable(tables.file, entry.tableOffset(), entry.tableEntries())) {
            if ((each & Geometry.OFFSET_MASK) != 0) {
                tables.refcounts.releaseTable((each & Geometry.OFFSET_MASK) >>> geometry.clusterBits(), 1);
            }
        }
        tables.refcounts.releaseTable(entry.tableOffset() >>> geometry.clusterBits(), geometry.clusters(entry
                .tableEntries() * 8L));
    }
}
