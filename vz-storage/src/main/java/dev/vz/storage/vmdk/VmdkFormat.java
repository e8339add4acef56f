package dev.vz.storage.vmdk;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/** Makes VMDK images. */
public final class VmdkFormat {

    private static final long GRAIN_SECTORS = 128;
    private static final int ENTRIES = 512;
    /** For disks up to 128 TiB. */
    private static final long MAX_TABLES = 1L << 22;
    private static final int DESCRIPTOR_SECTORS = 20;
    private static final long EXTENT_BYTES = 2L << 30;

    /** Makes the files of extents, beside the image's own. */
    @FunctionalInterface
    public interface ExtentFiles {
        /** An empty file of that name; whoever asked closes it. */
        ImageFile create(String name);
    }

    private record Part(String name, long size) {}

    private VmdkFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param name    the image's file name without its folder: extents are named after it
     * @param extents makes further files, where the layout has any
     */
    public static void create(ImageFile file, String name, VmdkOptions options, ExtentFiles extents) {
        long size = options.size() + 511 & -512;
        String subformat = options.subformat();
        boolean flat = subformat.endsWith("Flat");
        boolean split = subformat.startsWith("twoGb");
        file.resize(0);
        if (!flat && !split) {
            sparse(file, size, options, descriptor(options, size, List.of(new Part(name, size)), "SPARSE"));
            file.flush();
            return;
        }
        List<Part> parts = parts(name, size, flat, split);
        for (Part part : parts) {
            try (ImageFile extent = extents.create(part.name())) {
                extent.resize(0);
                if (flat) {
                    extent.resize(part.size());
                } else {
                    sparse(extent, part.size(), options, "");
                }
                extent.flush();
            }
        }
        byte[] text = descriptor(options, size, parts, flat ? "FLAT" : "SPARSE").getBytes(StandardCharsets.UTF_8);
        file.write(0, MemorySegment.ofArray(text));
        file.flush();
    }

    private static List<Part> parts(String name, long size, boolean flat, boolean split) {
        int dot = name.lastIndexOf('.');
        String stem = dot < 0 ? name : name.substring(0, dot);
        String end = dot < 0 ? "" : name.substring(dot);
        if (!split) {
            return List.of(new Part(stem + "-flat" + end, size));
        }
        List<Part> parts = new ArrayList<>();
        long at = 0;
        do {
            long part = Math.min(EXTENT_BYTES, size - at);
            parts.add(new Part(String.format(Locale.ROOT, "%s-%s%03d%s", stem, flat ? "f" : "s", parts.size() + 1, end),
                    part));
            at += part;
        } while (at < size);
        return parts;
    }

    private static void sparse(ImageFile file, long size, VmdkOptions options, String descriptor) {
        boolean stream = options.subformat().equals("streamOptimized");
        long capacity = size / 512;
        long tables = Math.ceilDiv(Math.ceilDiv(capacity, GRAIN_SECTORS), ENTRIES);
        long tableSectors = ENTRIES * 4 / 512;
        long directorySectors = Math.ceilDiv(tables * 4, 512);
        long rgd = 1 + DESCRIPTOR_SECTORS;
        long gd = rgd + directorySectors + tables * tableSectors;
        long overhead = Math.ceilDiv(gd + directorySectors + tables * tableSectors, GRAIN_SECTORS) * GRAIN_SECTORS;
        // Grains are numbered by the sector where they start, so the file ends at 2 TiB; the disk may be larger than that.
        if (overhead > 0xffff_ffffL || tables > MAX_TABLES) {
            throw new ConfigurationException("A sparse VMDK extent shows up to 128 TiB, not " + size
                    + " bytes; choose a layout in several files");
        }
        int flags = SparseHeader.NEWLINE_TEST | SparseHeader.REDUNDANT | (options.zeroedGrains()
                ? SparseHeader.ZEROED_GRAINS : 0) | (stream ? SparseHeader.COMPRESSED | SparseHeader.MARKERS : 0);
        int version = stream ? 3 : options.zeroedGrains() ? 2 : 1;
        var header = new SparseHeader(version, flags, capacity, GRAIN_SECTORS, 1, DESCRIPTOR_SECTORS, ENTRIES, rgd, gd,
                overhead, stream ? 1 : 0);
        byte[] text = descriptor.getBytes(StandardCharsets.UTF_8);
        if (text.length > DESCRIPTOR_SECTORS * 512) {
            throw new ConfigurationException("A VMDK descriptor of " + text.length
                    + " bytes does not fit; give the parent a shorter name");
        }
        if (text.length == 0) {
            header = new SparseHeader(version, flags, capacity, GRAIN_SECTORS, 0, 0, ENTRIES, rgd, gd, overhead, 0);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(rgd * 512);
            header.write(start);
            MemorySegment.copy(MemorySegment.ofArray(text), 0, start, 512, text.length);
            file.write(0, start);
            directory(arena, file, rgd, directorySectors, tables, tableSectors);
            directory(arena, file, gd, directorySectors, tables, tableSectors);
        }
        file.resize(overhead * 512);
    }

    private static void directory(Arena arena, ImageFile file, long at, long sectors, long tables, long tableSectors) {
        MemorySegment entries = arena.allocate(Math.max(1, sectors) * 512);
        for (long i = 0; i < tables; i++) {
            entries.set(SparseHeader.INT, i * 4, (int) (at + sectors + i * tableSectors));
        }
        file.write(at * 512, entries, 0, sectors * 512);
    }

    private static String descriptor(VmdkOptions options, long size, List<Part> parts, String type) {
        long heads = options.adapterType().equals("ide") ? 16 : 255;
        var text = new StringBuilder(Descriptor.START).append("\nversion=1\nCID=").append(Descriptor.hex(
                ThreadLocalRandom.current().nextLong(1, Descriptor.NO_PARENT))).append("\nparentCID=").append(Descriptor
                        .hex(options.parentCid()))
                .append("\ncreateType=\"").append(options.subformat()).append("\"\n");
        if (options.parent() != null) {
            text.append("parentFileNameHint=\"").append(options.parent()).append("\"\n");
        }
        text.append("\n# Extent description\n");
        for (Part part : parts) {
            text.append("RW ").append(part.size() / 512).append(' ').append(type).append(" \"").append(part.name())
                    .append(type.equals("FLAT") ? "\" 0\n" : "\"\n");
        }
        return text.append("\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"").append(options.hwVersion())
                .append("\"\nddb.geometry.cylinders = \"").append(size / (63 * heads * 512)).append(
                        "\"\nddb.geometry.heads = \"")
                .append(heads).append(
                        "\"\nddb.geometry.sectors = \"63\"\nddb.adapterType = \"")
                .append(options.adapterType())
                .append("\"\nddb.toolsVersion = \"").append(options.toolsVersion()).append("\"\n").toString();
    }
}
