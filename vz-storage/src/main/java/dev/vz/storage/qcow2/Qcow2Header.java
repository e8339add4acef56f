package dev.vz.storage.qcow2;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The header of a qcow2 image: section "Header" of the specification, whose field names these are in Java's spelling.
 * Offsets are bytes in the file, sizes bytes unless said otherwise.
 *
 * @param version                2 or 3
 * @param clusterBits            log2 of the cluster size, 9 to 21
 * @param size                   the disk's size
 * @param cryptMethod            0 none, 1 AES, 2 LUKS
 * @param l1Size                 entries of the active L1 table
 * @param l1TableOffset          where it is
 * @param refcountTableOffset    where the refcount table is
 * @param refcountTableClusters  how many clusters it takes
 * @param nbSnapshots            number of internal snapshots
 * @param snapshotsOffset        where the snapshot table is
 * @param incompatibleFeatures   feature bits that a reader must know
 * @param compatibleFeatures     feature bits that it may ignore
 * @param autoclearFeatures      feature bits that a writer who does not know them clears
 * @param refcountOrder          log2 of a refcount's width in bits, 0 to 6
 * @param compressionType        0 zlib, 1 zstd
 * @param unknownFields          bytes of the header beyond those known here; kept
 * @param extensions             header extensions in their order, without the end marker
 * @param backingFile            name of the backing file
 */
public record Qcow2Header(int version, int clusterBits, long size, int cryptMethod, int l1Size, long l1TableOffset,
        long refcountTableOffset, int refcountTableClusters, int nbSnapshots, long snapshotsOffset,
        long incompatibleFeatures, long compatibleFeatures, long autoclearFeatures, int refcountOrder,
        int compressionType, byte[] unknownFields, List<HeaderExtension> extensions, @Nullable String backingFile) {

    static final int MAGIC = 0x514649fb;
    static final int LUKS = 2;
    static final int V2_LENGTH = 72;
    static final int V3_LENGTH = 104;
    static final int KNOWN_LENGTH = 112;
    static final int MIN_CLUSTER_BITS = 9;
    static final int MAX_CLUSTER_BITS = 21;
    static final int MAX_BACKING_NAME = 1023;

    /** Bytes of a cluster. */
    public int clusterSize() {
        return 1 << clusterBits;
    }

    /** Where the encryption's own header is. */
    record EncryptionHeader(long offset, long length) {}

    EncryptionHeader encryptionHeader() {
        MemorySegment data = MemorySegment.ofArray(extension(HeaderExtension.ENCRYPTION_HEADER).map(
                HeaderExtension::data).orElse(new byte[0]));
        return data.byteSize() < 16 ? new EncryptionHeader(0, 0)
                : new EncryptionHeader(BigEndian.getLong(data, 0), BigEndian.getLong(data, 8));
    }

    /** With LUKS, whose header is {@code length} bytes at {@code offset}. */
    Qcow2Header withEncryption(long offset, long length) {
        byte[] data = new byte[16];
        MemorySegment bytes = MemorySegment.ofArray(data);
        bytes.set(BigEndian.LONG, 0, offset);
        bytes.set(BigEndian.LONG, 8, length);
        var longer = new ArrayList<>(extensions);
        longer.addFirst(new HeaderExtension(HeaderExtension.ENCRYPTION_HEADER, data));
        return new Qcow2Header(version, clusterBits, size, LUKS, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures,
                autoclearFeatures, refcountOrder, compressionType, unknownFields, List.copyOf(longer), backingFile);
    }

    /** With {@code count} bitmaps, whose directory is {@code length} bytes at {@code offset}. */
    Qcow2Header withBitmaps(int count, long length, long offset) {
        var others = new ArrayList<>(extensions);
        others.removeIf(extension -> extension.type() == HeaderExtension.BITMAPS);
        if (count > 0) {
            byte[] data = new byte[24];
            MemorySegment bytes = MemorySegment.ofArray(data);
            bytes.set(BigEndian.INT, 0, count);
            bytes.set(BigEndian.LONG, 8, length);
            bytes.set(BigEndian.LONG, 16, offset);
            others.add(new HeaderExtension(HeaderExtension.BITMAPS, data));
        }
        long autoclear = autoclearFeatures & ~Feature.BITMAPS | (count > 0 ? Feature.BITMAPS : 0);
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures,
                autoclear, refcountOrder, compressionType, unknownFields, List.copyOf(others), backingFile);
    }

    boolean incompatible(long bit) {
        return (incompatibleFeatures & bit) != 0;
    }

    Optional<HeaderExtension> extension(int type) {
        return extensions.stream().filter(extension -> extension.type() == type).findFirst();
    }

    Qcow2Header withFeatures(long incompatible, long autoclear) {
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatible, compatibleFeatures, autoclear,
                refcountOrder, compressionType, unknownFields, extensions, backingFile);
    }

    Qcow2Header withL1(long offset, int entries) {
        return new Qcow2Header(version, clusterBits, size, cryptMethod, entries, offset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures,
                autoclearFeatures, refcountOrder, compressionType, unknownFields, extensions, backingFile);
    }

    Qcow2Header withSize(long bytes) {
        return new Qcow2Header(version, clusterBits, bytes, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures,
                autoclearFeatures, refcountOrder, compressionType, unknownFields, extensions, backingFile);
    }

    Qcow2Header withRefcountTable(long offset, int clusters) {
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, offset, clusters,
                nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures, autoclearFeatures,
                refcountOrder, compressionType, unknownFields, extensions, backingFile);
    }

    Qcow2Header withSnapshots(long offset, int count) {
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, count, offset, incompatibleFeatures, compatibleFeatures, autoclearFeatures,
                refcountOrder, compressionType, unknownFields, extensions, backingFile);
    }

    /** In another version; version 2 has no features, and its header no further fields. */
    Qcow2Header withVersion(int version, boolean lazyRefcounts) {
        boolean old = version == 2;
        long compatible = compatibleFeatures & ~Feature.LAZY_REFCOUNTS | (lazyRefcounts ? Feature.LAZY_REFCOUNTS : 0);
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, old ? 0 : incompatibleFeatures, old ? 0
                        : compatible,
                old ? 0 : autoclearFeatures, refcountOrder, compressionType, old ? new byte[0] : unknownFields,
                extensions, backingFile);
    }

    Qcow2Header withBacking(@Nullable String name, @Nullable String format) {
        var kept = new ArrayList<>(extensions);
        kept.removeIf(extension -> extension.type() == HeaderExtension.BACKING_FORMAT);
        if (format != null) {
            kept.addFirst(HeaderExtension.ofText(HeaderExtension.BACKING_FORMAT, format));
        }
        return new Qcow2Header(version, clusterBits, size, cryptMethod, l1Size, l1TableOffset, refcountTableOffset,
                refcountTableClusters, nbSnapshots, snapshotsOffset, incompatibleFeatures, compatibleFeatures,
                autoclearFeatures, refcountOrder, compressionType, unknownFields, List.copyOf(kept), name);
    }

    /** Bytes of the fixed part. */
    int headerLength() {
        return version == 2 ? V2_LENGTH : KNOWN_LENGTH + unknownFields.length;
    }

    /**
     * The header as it is in the file, from byte 0: fixed part, extensions, backing file name.
     *
     * @throws ConfigurationException if it does not fit into the first cluster
     */
    byte[] encode() {
        byte[] name = backingFile == null ? new byte[0] : backingFile.getBytes(StandardCharsets.UTF_8);
        if (name.length > MAX_BACKING_NAME) {
            throw new ConfigurationException("A backing file's name has at most " + MAX_BACKING_NAME
                    + " bytes in qcow2, not " + name.length);
        }
        int extensionBytes = extensions.stream().mapToInt(HeaderExtension::storedLength).sum() + 8;
        int nameAt = headerLength() + extensionBytes;
        if (nameAt + name.length > clusterSize()) {
            throw new ConfigurationException("The header with its extensions and the backing file's name takes "
                    + (nameAt + name.length) + " bytes and does not fit into a cluster of " + clusterSize());
        }
        byte[] bytes = new byte[nameAt + name.length];
        MemorySegment header = MemorySegment.ofArray(bytes);
        fields(header, name.length == 0 ? 0 : nameAt, name.length);
        int at = headerLength();
        for (HeaderExtension extension : extensions) {
            header.set(BigEndian.INT, at, extension.type());
            header.set(BigEndian.INT, at + 4, extension.data().length);
            MemorySegment.copy(extension.data(), 0, header, ValueLayout.JAVA_BYTE, at + 8, extension.data().length);
            at += extension.storedLength();
        }
        MemorySegment.copy(name, 0, header, ValueLayout.JAVA_BYTE, nameAt, name.length);
        return bytes;
    }

    private void fields(MemorySegment header, long nameAt, int nameLength) {
        header.set(BigEndian.INT, 0, MAGIC);
        header.set(BigEndian.INT, 4, version);
        header.set(BigEndian.LONG, 8, nameAt);
        header.set(BigEndian.INT, 16, nameLength);
        header.set(BigEndian.INT, 20, clusterBits);
        header.set(BigEndian.LONG, 24, size);
        header.set(BigEndian.INT, 32, cryptMethod);
        header.set(BigEndian.INT, 36, l1Size);
        header.set(BigEndian.LONG, 40, l1TableOffset);
        header.set(BigEndian.LONG, 48, refcountTableOffset);
        header.set(BigEndian.INT, 56, refcountTableClusters);
        header.set(BigEndian.INT, 60, nbSnapshots);
        header.set(BigEndian.LONG, 64, snapshotsOffset);
        if (version >= 3) {
            header.set(BigEndian.LONG, 72, incompatibleFeatures);
            header.set(BigEndian.LONG, 80, compatibleFeatures);
            header.set(BigEndian.LONG, 88, autoclearFeatures);
            header.set(BigEndian.INT, 96, refcountOrder);
            header.set(BigEndian.INT, 100, headerLength());
            header.set(ValueLayout.JAVA_BYTE, 104, (byte) compressionType);
            MemorySegment.copy(unknownFields, 0, header, ValueLayout.JAVA_BYTE, KNOWN_LENGTH, unknownFields.length);
        }
    }
}
