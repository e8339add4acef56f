package dev.vz.samples.cli.disk;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.luks.LuksHeader;
import dev.vz.storage.qcow2.BitmapInfo;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qcow2.Qcow2Header;
import dev.vz.storage.qed.QedDriver;
import dev.vz.storage.vmdk.VmdkDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What the tools tell about an image beyond its size. */
public final class ImageFacts {

    private ImageFacts() {}

    /** Bytes that the format maps together; empty where it does not say. */
    public static OptionalLong clusterSize(DiskImage image) {
        return switch (image.driver().format()) {
            case RAW, PARALLELS -> OptionalLong.empty();
            default -> image.driver().granule() <= 1 ? OptionalLong.empty()
                    : OptionalLong.of(image.driver().granule());
        };
    }

    /** Where a machine's state is kept behind the disk; 0 where there is no such place. */
    public static long vmStateOffset(DiskImage image) {
        if (!(image.driver() instanceof Qcow2Driver qcow2)) {
            return 0;
        }
        Qcow2Header header = qcow2.header();
        int entryBits = header.clusterBits() - (extended(header) ? 4 : 3);
        long span = 1L << header.clusterBits() + entryBits;
        return (header.size() + span - 1) / span * span;
    }

    private static boolean extended(Qcow2Header header) {
        return (header.incompatibleFeatures() & 1 << 4) != 0;
    }

    /** What only the format knows, in the order in which the tools tell it; empty where there is nothing. */
    public static Map<String, Object> specific(DiskImage image) {
        if (image.driver() instanceof Qcow2Driver qcow2) {
            return specific(qcow2);
        }
        if (image.driver() instanceof VmdkDriver vmdk) {
            return specific(vmdk);
        }
        return Map.of();
    }

    private static Map<String, Object> bitmap(BitmapInfo bitmap) {
        List<String> flags = new ArrayList<>();
        if (!bitmap.consistent()) {
            flags.add("in-use");
        }
        if (bitmap.enabled()) {
            flags.add("auto");
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("flags", flags);
        facts.put("name", bitmap.name());
        facts.put("granularity", bitmap.granularity());
        return facts;
    }

    private static Map<String, Object> encryption(LuksHeader luks) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("ivgen-alg", "plain64");
        facts.put("hash-alg", luks.hashSpec());
        facts.put("cipher-alg", luks.cipherName() + "-" + luks.keyBytes() * 4);
        facts.put("uuid", luks.uuid());
        facts.put("format", "luks");
        facts.put("cipher-mode", "xts");
        facts.put("slots", luks.keySlots().stream().map(slot -> {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("active", slot.active());
            if (slot.active()) {
                each.put("iters", slot.iterations());
            }
            each.put("key-offset", slot.keyMaterialOffset() * 512L);
            if (slot.active()) {
                each.put("stripes", slot.stripes());
            }
            return each;
        }).toList());
        facts.put("payload-offset", luks.payloadOffset() * 512L);
        facts.put("master-key-iters", luks.mkDigestIterations());
        return facts;
    }

    private static Map<String, Object> specific(VmdkDriver driver) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("cid", driver.cid());
        facts.put("parent-cid", driver.parentCid());
        facts.put("create-type", driver.createType());
        facts.put("extents", driver.extents().stream().map(extent -> {
            Map<String, Object> each = new LinkedHashMap<>();
            if (extent.compressed()) {
                each.put("compressed", true);
            }
            each.put("virtual-size", extent.size());
            each.put("filename", extent.file());
            if (extent.grainSize() > 0) {
                each.put("cluster-size", (long) extent.grainSize());
            }
            each.put("format", extent.type());
            return each;
        }).toList());
        return facts;
    }

    /** Bytes of storage that the image takes, all its files together. */
    public static long allocatedBytes(DiskImage image) {
        return image.driver() instanceof VmdkDriver vmdk ? vmdk.allocatedBytes() : image.driver().file()
                .allocatedBytes();
    }

    private static Map<String, Object> specific(Qcow2Driver driver) {
        Qcow2Header header = driver.header();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("compat", header.version() == 2 ? "0.10" : "1.1");
        facts.put("compression-type", header.compressionType() == 0 ? "zlib" : "zstd");
        if (header.version() >= 3) {
            facts.put("lazy-refcounts", (header.compatibleFeatures() & 1) != 0);
        }
        if (!driver.bitmaps().isEmpty()) {
            facts.put("bitmaps", driver.bitmaps().stream().map(ImageFacts::bitmap).toList());
        }
        facts.put("refcount-bits", 1 << header.refcountOrder());
        if (header.version() >= 3) {
            driver.dataFileName().ifPresent(name -> {
                facts.put("data-file", name);
                facts.put("data-file-raw", (header.autoclearFeatures() & 2) != 0);
            });
            driver.encryption().ifPresent(luks -> facts.put("encrypt", encryption(luks)));
            facts.put("corrupt", (header.incompatibleFeatures() & 2) != 0);
            facts.put("extended-l2", extended(header));
        }
        return facts;
    }

    /** Whether the image says that it was not closed in good order; empty where it cannot say. */
    public static java.util.Optional<Boolean> dirty(DiskImage image) {
        return switch (image.driver()) {
            case Qcow2Driver qcow2 -> java.util.Optional.of((qcow2.header().incompatibleFeatures() & 1) != 0);
            case QedDriver qed -> java.util.Optional.of(qed.needsCheck());
            default -> image.driver().format() == ImageFormat.PARALLELS ? java.util.Optional.empty()
                    : java.util.Optional.of(false);
        };
    }

    /** {@code facts} as lines for people. */
    public static String text(Map<String, Object> facts) {
        var text = new StringBuilder();
        members(text, facts, 1);
        return text.toString();
    }

    private static void members(StringBuilder text, Map<?, ?> map, int depth) {
        map.forEach((key, value) -> member(text, String.valueOf(key).replace('-', ' '), value, depth));
    }

    private static void member(StringBuilder text, String name, Object value, int depth) {
        text.append("    ".repeat(depth)).append(name).append(':');
        switch (value) {
            case Map<?, ?> map -> {
                text.append('\n');
                members(text, map, depth + 1);
            }
            case List<?> list -> {
                text.append('\n');
                for (int i = 0; i < list.size(); i++) {
                    member(text, "[" + i + "]", list.get(i), depth + 1);
                }
            }
            default -> text.append(' ').append(value).append('\n');
        }
    }

    /**
     * Gives the disk {@code size} bytes; what is new is allocated as {@code preallocation} says.
     *
     * @throws ConfigurationException in the tools' words if the format cannot do that
     */
    public static void resize(DiskImage image, long size, String preallocation) {
        ImageFormat format = image.driver().format();
        if (format != ImageFormat.RAW && format != ImageFormat.QCOW2 && format != ImageFormat.QED) {
            throw new ConfigurationException("Image format driver does not support resize");
        }
        if (format == ImageFormat.RAW && preallocation.equals("metadata")) {
            throw new ConfigurationException("Unsupported preallocation mode 'metadata'");
        }
        if (image.driver() instanceof Qcow2Driver qcow2) {
            if (size % 512 != 0) {
                throw new ConfigurationException("The new size must be a multiple of 512");
            }
            if (size < image.info().size() && !qcow2.snapshots().isEmpty() && qcow2.header().version() < 3) {
                throw new ConfigurationException("Can't resize a v2 image which has snapshots");
            }
        }
        long before = image.info().size();
        if (!preallocation.equals("off") && size < before) {
            throw new ConfigurationException("Preallocation can't be used for shrinking an image");
        }
        image.resize(size);
        if (size > before && !preallocation.equals("off")) {
            preallocate(image, before, size - before, preallocation);
        }
    }

    /** Takes storage for a range of the disk: in the image's tables, and unless only those are asked for, on the host. */
    public static void preallocate(DiskImage image, long offset, long length, String how) {
        if (!(image.driver() instanceof Qcow2Driver qcow2)) {
            preallocate(image.driver().file(), offset, length, how.equals("full"));
            return;
        }
        long start = offset / qcow2.granule() * qcow2.granule();
        qcow2.preallocate(start, offset + length - start);
        long at = start;
        var mapping = new Mapping();
        while (at < offset + length && !how.equals("metadata")) {
            qcow2.locate(at, offset + length - at, mapping);
            long run = mapping.length();
            if (mapping.file() != null) {
                preallocate(mapping.file(), mapping.fileOffset(), run, how.equals("full") && at >= offset);
            }
            at += run;
        }
    }

    /** Takes storage for a range of a file, by the host's means or by writing zeros. */
    public static void preallocate(ImageFile file, long position, long length, boolean write) {
        if (!write) {
            file.allocate(position, length);
            return;
        }
        int piece = 1 << 20;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment zeros = arena.allocate(piece);
            for (long done = 0; done < length; done += piece) {
                file.write(position + done, zeros, 0, Math.min(piece, length - done));
            }
        }
    }
}
