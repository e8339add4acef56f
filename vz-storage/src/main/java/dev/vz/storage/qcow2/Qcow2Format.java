package dev.vz.storage.qcow2;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.luks.LuksHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes qcow2 images. */
public final class Qcow2Format {

    private record NamedFeature(int type, int bit, String name) {}

    private static final List<NamedFeature> NAMES = List.of(new NamedFeature(0, 0, "dirty bit"), new NamedFeature(0, 1,
            "corrupt bit"), new NamedFeature(0, 2, "external data file"), new NamedFeature(0, 3, "compression type"),
            new NamedFeature(0, 4, "extended L2 entries"), new NamedFeature(1, 0, "lazy refcounts"),
            new NamedFeature(2, 0, "bitmaps"), new NamedFeature(2, 1, "raw external data"));

    private Qcow2Format() {}

    /** Writes an empty image into {@code file}, which stays the caller's, and makes it durable. */
    public static void create(ImageFile file, Qcow2Options options) {
        create(file, options, null);
    }

    /**
     * How an image is encrypted with LUKS.
     *
     * @param passphrase opens it; not changed and not kept
     * @param iterations rounds from the passphrase to the key: more take whoever guesses it longer
     */
    public record Encryption(byte[] passphrase, int iterations) {}

    /** Writes an empty image into {@code file}, which stays the caller's, and makes it durable. */
    public static void create(ImageFile file, Qcow2Options options, @Nullable Encryption encryption) {
        file.resize(0);
        int clusterBits = Integer.numberOfTrailingZeros(options.clusterSize());
        var header = new Qcow2Header(options.version(), clusterBits, 0, 0, 0, 3L << clusterBits, 1L << clusterBits, 1,
                0,
                0, incompatible(options), options.lazyRefcounts() ? Feature.LAZY_REFCOUNTS : 0,
                options.dataFileRaw() ? Feature.RAW_DATA_FILE : 0, Integer.numberOfTrailingZeros(options
                        .refcountBits()),
                options.zstd() ? 1 : 0, new byte[0], extensions(options), options.backingFile());
        try (Arena arena = Arena.ofConfined()) {
            // Header, refcount table, its first block: three clusters, each used once; the block follows on demand.
            byte[] encoded = header.encode();
            MemorySegment start = arena.allocate(3L << clusterBits);
            MemorySegment.copy(MemorySegment.ofArray(encoded), 0, start, 0, encoded.length);
            start.set(BigEndian.LONG, 1L << clusterBits, 2L << clusterBits);
            file.write(0, start);
        }
        var tables = new Tables(file, file, file, header, dev.vz.storage.image.Budget.DEFAULT);
        tables.lock.lock();
        try {
            for (int cluster = 0; cluster < 3; cluster++) {
                tables.refcounts.set(cluster, 1);
            }
            if (encryption != null) {
                long clusters = tables.geometry.clusters(LuksHeader.size());
                long at = tables.refcounts.allocateTable(clusters) << clusterBits;
                file.writeZeroes(at, clusters << clusterBits, true);
                LuksHeader.create(file, at, encryption.passphrase(), encryption.iterations());
                tables.writeHeader(tables.header().withEncryption(at, LuksHeader.size()));
            }
            tables.resize(options.size() + 511 & -512);
            tables.writeBack();
            file.flush();
            ClusterRuns released = tables.refcounts.takeReleased();
            tables.refcounts.settle(released);
            tables.writeBack();
            file.flush();
        } finally {
            tables.lock.unlock();
        }
    }

    private static long incompatible(Qcow2Options options) {
        return (options.dataFile() != null ? Feature.DATA_FILE : 0) | (options.zstd() ? Feature.COMPRESSION_TYPE : 0)
                | (options.extendedL2() ? Feature.EXTENDED_L2 : 0);
    }

    private static List<HeaderExtension> extensions(Qcow2Options options) {
        var extensions = new ArrayList<HeaderExtension>();
        if (options.backingFormat() != null && options.backingFile() != null) {
            extensions.add(HeaderExtension.ofText(HeaderExtension.BACKING_FORMAT, options.backingFormat()));
        }
        if (options.dataFile() != null) {
            extensions.add(HeaderExtension.ofText(HeaderExtension.DATA_FILE_NAME, options.dataFile()));
        }
        // The table of names does not fit into the smallest clusters together with a long backing file's name.
        if (options.version() >= 3 && options.clusterSize() >= 4096) {
            byte[] table = new byte[NAMES.size() * 48];
            for (int i = 0; i < NAMES.size(); i++) {
                NamedFeature feature = NAMES.get(i);
                table[i * 48] = (byte) feature.type();
                table[i * 48 + 1] = (byte) feature.bit();
                byte[] name = feature.name().getBytes(StandardCharsets.US_ASCII);
                System.arraycopy(name, 0, table, i * 48 + 2, name.length);
            }
            extensions.add(new HeaderExtension(HeaderExtension.FEATURE_NAMES, table));
        }
        return List.copyOf(extensions);
    }
}
