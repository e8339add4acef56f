package dev.vz.storage.qcow2;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.luks.LuksHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads a header and checks every field of it: an image is not trusted. */
final class HeaderParser {

    private static final int MAX_EXTENSIONS = 1024;
    private static final int MAX_SNAPSHOTS = 65536;
    private static final long MAX_ENCRYPTION_HEADER = 64L << 20;

    private final String name;
    private final MemorySegment bytes;

    private HeaderParser(String name, MemorySegment bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    static Qcow2Header parse(ImageFile file, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(512);
            file.read(0, start);
            int clusterBits = new HeaderParser(file.name(), start).clusterBits();
            MemorySegment cluster = arena.allocate(1L << clusterBits);
            file.read(0, cluster);
            return new HeaderParser(file.name(), cluster).parse(clusterBits, budget);
        }
    }

    private int clusterBits() {
        if (BigEndian.getInt(bytes, 0) != Qcow2Header.MAGIC) {
            throw bad("it does not start with the magic number 'QFI\\xfb'");
        }
        int version = BigEndian.getInt(bytes, 4);
        if (version != 2 && version != 3) {
            throw new CapabilityException("Cannot open " + name + ": qcow2 versions 2 and 3 are known, it has "
                    + Integer.toUnsignedString(version));
        }
        int clusterBits = BigEndian.getInt(bytes, 20);
        if (clusterBits < Qcow2Header.MIN_CLUSTER_BITS || clusterBits > Qcow2Header.MAX_CLUSTER_BITS) {
            throw bad("cluster_bits is " + Integer.toUnsignedString(clusterBits) + ", not 9 to 21");
        }
        return clusterBits;
    }

    private Qcow2Header parse(int clusterBits, Budget budget) {
        int version = BigEndian.getInt(bytes, 4);
        long incompatible = 0;
        long compatible = 0;
        long autoclear = 0;
        int refcountOrder = 4;
        int headerLength = Qcow2Header.V2_LENGTH;
        int compressionType = 0;
        byte[] unknown = new byte[0];
        if (version == 3) {
            incompatible = BigEndian.getLong(bytes, 72);
            compatible = BigEndian.getLong(bytes, 80);
            autoclear = BigEndian.getLong(bytes, 88);
            refcountOrder = BigEndian.getInt(bytes, 96);
            headerLength = BigEndian.getInt(bytes, 100);
            if (headerLength < Qcow2Header.V3_LENGTH || headerLength > 1 << clusterBits || headerLength % 8 != 0) {
                throw bad("header_length is " + Integer.toUnsignedString(headerLength));
            }
            if (refcountOrder < 0 || refcountOrder > 6) {
                throw bad("refcount_order is " + Integer.toUnsignedString(refcountOrder) + ", not 0 to 6");
            }
            if (headerLength >= Qcow2Header.KNOWN_LENGTH) {
                compressionType = Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, 104));
                unknown = slice(Qcow2Header.KNOWN_LENGTH, headerLength - Qcow2Header.KNOWN_LENGTH);
            }
        }
        String backing = backingFile(clusterBits);
        List<HeaderExtension> extensions = extensions(headerLength, clusterBits);
        refuseUnknown(incompatible, extensions);
        if ((incompatible & Feature.COMPRESSION_TYPE) != 0 != (compressionType != 0)) {
            throw bad("compression type " + compressionType + " does not go with its feature bit");
        }
        if (compressionType > 1) {
            throw new CapabilityException("Cannot open " + name + ": compression types 0 (zlib) and 1 (zstd) are known,"
                    + " it has " + compressionType);
        }
        var header = new Qcow2Header(version, clusterBits, BigEndian.getLong(bytes, 24), BigEndian.getInt(bytes, 32),
                BigEndian.getInt(bytes, 36), BigEndian.getLong(bytes, 40), BigEndian.getLong(bytes, 48), BigEndian
                        .getInt(bytes, 56),
                BigEndian.getInt(bytes, 60), BigEndian.getLong(bytes, 64), incompatible, compatible, autoclear,
                refcountOrder, compressionType, unknown, extensions, backing);
        checkTables(header, budget);
        return header;
    }

    private void checkTables(Qcow2Header header, Budget budget) {
        if (header.cryptMethod() == Qcow2Header.LUKS) {
            Qcow2Header.EncryptionHeader encryption = header.encryptionHeader();
            if (encryption.offset() <= 0 || encryption.offset() % header.clusterSize() != 0 || encryption
                    .length() < LuksHeader.LENGTH || encryption.length() > MAX_ENCRYPTION_HEADER || encryption
                            .offset() > Geometry.MAX_FILE) {
                throw bad("the encryption header takes " + Long.toUnsignedString(encryption.length()) + " bytes at 0x"
                        + Long.toHexString(encryption.offset()));
            }
        } else if (header.cryptMethod() != 0) {
            throw new CapabilityException("Cannot open " + name + ": it is encrypted with "
                    + (header.cryptMethod() == 1 ? "AES" : "method " + header.cryptMethod())
                    + ", which cannot be read here; decrypt it with another tool first");
        }
        if (header.incompatible(Feature.EXTENDED_L2) && header.clusterBits() < 14) {
            throw bad("subclusters need clusters of 16 KiB or more, it has " + header.clusterSize());
        }
        if (header.size() < 0) {
            throw bad("size is " + Long.toUnsignedString(header.size()));
        }
        Geometry geometry = Geometry.of(header);
        if (header.l1Size() < 0 || header.l1Size() * 8L > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + name + ": its L1 table has "
                    + Integer.toUnsignedString(header.l1Size()) + " entries, more than the budget of "
                    + budget.maxTableBytes() + " bytes");
        }
        if (geometry.l1Entries(header.size()) > header.l1Size()) {
            throw bad("a disk of " + header.size() + " bytes needs " + geometry.l1Entries(header.size())
                    + " L1 entries, it has " + header.l1Size());
        }
        requireTable("l1_table_offset", header.l1TableOffset(), header.l1Size() * 8L, header.clusterSize(), header
                .l1Size() == 0);
        long refcountBytes = Integer.toUnsignedLong(header.refcountTableClusters()) << header.clusterBits();
        if (refcountBytes > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + name + ": its refcount table takes " + refcountBytes
                    + " bytes, more than the budget of " + budget.maxTableBytes());
        }
        if (header.refcountTableClusters() == 0) {
            throw bad("it has no refcount table");
        }
        requireTable("refcount_table_offset", header.refcountTableOffset(), refcountBytes, header.clusterSize(), false);
        if (header.nbSnapshots() < 0 || header.nbSnapshots() > MAX_SNAPSHOTS) {
            throw bad("nb_snapshots is " + Integer.toUnsignedString(header.nbSnapshots()) + ", more than "
                    + MAX_SNAPSHOTS);
        }
        requireTable("snapshots_offset", header.snapshotsOffset(), 0, header.clusterSize(), header.nbSnapshots() == 0);
    }

    private void requireTable(String field, long offset, long length, int clusterSize, boolean mayBeAbsent) {
        if (mayBeAbsent && offset >= 0 && offset % clusterSize == 0) {
            return;
        }
        if (offset <= 0 || offset % clusterSize != 0 || offset > Geometry.MAX_FILE - length) {
            throw bad(field + " is 0x" + Long.toHexString(offset));
        }
    }

    private @Nullable String backingFile(int clusterBits) {
        long offset = BigEndian.getLong(bytes, 8);
        int length = BigEndian.getInt(bytes, 16);
        if (offset == 0) {
            return null;
        }
        if (length < 0 || length > Qcow2Header.MAX_BACKING_NAME || offset < 0
                || offset > (1L << clusterBits) - length) {
            throw bad("the backing file's name is " + Integer.toUnsignedString(length) + " bytes at 0x"
                    + Long.toHexString(offset));
        }
        return new String(slice(offset, length), StandardCharsets.UTF_8);
    }

    private List<HeaderExtension> extensions(int headerLength, int clusterBits) {
        long backing = BigEndian.getLong(bytes, 8);
        long end = backing == 0 ? 1L << clusterBits : backing;
        var extensions = new ArrayList<HeaderExtension>();
        long at = headerLength;
        while (at <= end - 8) {
            int type = BigEndian.getInt(bytes, at);
            int length = BigEndian.getInt(bytes, at + 4);
            if (type == HeaderExtension.END) {
                return List.copyOf(extensions);
            }
            if (length < 0 || length > end - at - 8 || extensions.size() >= MAX_EXTENSIONS) {
                throw bad("the header extension 0x" + Integer.toHexString(type) + " has "
                        + Integer.toUnsignedString(length) + " bytes");
            }
            extensions.add(new HeaderExtension(type, slice(at + 8, length)));
            at += 8 + (length + 7L & ~7L);
        }
        return List.copyOf(extensions);
    }

    private void refuseUnknown(long incompatible, List<HeaderExtension> extensions) {
        long unknown = incompatible & ~Feature.KNOWN_INCOMPATIBLE;
        if (unknown == 0) {
            return;
        }
        var names = new ArrayList<String>();
        for (int bit = 0; bit < 64; bit++) {
            if ((unknown >>> bit & 1) != 0) {
                names.add("bit " + bit + featureName(bit, extensions));
            }
        }
        throw new CapabilityException(
                "Cannot open " + name + ": it uses incompatible features that are not known here: "
                        + String.join(", ", names));
    }

    private static String featureName(int bit, List<HeaderExtension> extensions) {
        for (HeaderExtension table : extensions) {
            byte[] data = table.data();
            // The last name may be cut short, as everything behind its end would be zeros.
            for (int at = 0; table.type() == HeaderExtension.FEATURE_NAMES && at + 2 < data.length; at += 48) {
                if (data[at] == 0 && data[at + 1] == bit) {
                    String text = new String(data, at + 2, Math.min(46, data.length - at - 2), StandardCharsets.UTF_8);
                    int end = text.indexOf('\0');
                    return " (" + (end < 0 ? text : text.substring(0, end)) + ")";
                }
            }
        }
        return "";
    }

    private byte[] slice(long offset, int length) {
        return bytes.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    private FormatException bad(String what) {
        return new FormatException("The qcow2 header of " + name + " is not valid: " + what);
    }
}
