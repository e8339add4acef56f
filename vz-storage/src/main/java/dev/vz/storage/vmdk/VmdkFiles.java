package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImpliedFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The files of an open image: the one with the descriptor, and those of its extents. */
final class VmdkFiles implements AutoCloseable {

    private static final long MAX_DESCRIPTOR = 1 << 20;
    private static final List<String> TYPES = List.of("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse",
            "twoGbMaxExtentFlat", "streamOptimized", "seSparse", "vmfs", "custom");

    private final ImageFile main;
    private final long descriptorAt;
    private final long descriptorRoom;
    private final List<Extent> extents = new ArrayList<>();
    private String text;
    private Descriptor descriptor;

    private VmdkFiles(ImageFile main, long descriptorAt, long descriptorRoom, String text) {
        this.main = main;
        this.descriptorAt = descriptorAt;
        this.descriptorRoom = descriptorRoom;
        this.text = text;
        this.descriptor = Descriptor.parse(text, main.name());
        if (!TYPES.contains(descriptor.createType())) {
            throw new CapabilityException("Unsupported image type '" + descriptor.createType() + "'");
        }
    }

    /** Opens all of them, {@code file} excepted, which is open; it stays the caller's if this fails. */
    static VmdkFiles open(ImageFile file, boolean readOnly, FileGate gate, Budget budget) {
        if (SparseHeader.isOne(file)) {
            return monolithic(file, budget);
        }
        long size = Math.min(file.size(), MAX_DESCRIPTOR);
        String text = text(file, 0, size);
        if (!text.toLowerCase(Locale.ROOT).startsWith(Descriptor.START.toLowerCase(Locale.ROOT))) {
            throw new FormatException("The file " + file.name()
                    + " is no VMDK image: it does not start with the magic number 'KDMV' or a descriptor");
        }
        var files = new VmdkFiles(file, 0, MAX_DESCRIPTOR, text);
        try {
            for (Descriptor.ExtentLine line : files.descriptor.extents()) {
                files.extents.add(extent(file, line, readOnly, gate, budget));
            }
            if (files.extents.isEmpty()) {
                throw new FormatException("The VMDK descriptor of " + file.name() + " names no extents");
            }
            return files;
        } catch (RuntimeException failure) {
            files.extents.forEach(Extent::close);
            throw failure;
        }
    }

    private static VmdkFiles monolithic(ImageFile file, Budget budget) {
        SparseExtent extent = SparseExtent.open(file, -1, budget);
        SparseHeader header = extent.header();
        String text;
        if (header.descriptorOffset() == 0) {
            // One part of an image in several files, looked at alone.
            text = Descriptor.START + "\nCID=00000000\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n";
        } else {
            if (header.descriptorOffset() < 0 || header.descriptorOffset() > file.size() / 512
                    || header.descriptorSize() < 1 || header.descriptorSize() > MAX_DESCRIPTOR / 512) {
                throw SparseHeader.bad(file, "its descriptor takes " + Long.toUnsignedString(header.descriptorSize())
                        + " sectors at " + Long.toUnsignedString(header.descriptorOffset()));
            }
            text = text(file, header.descriptorOffset() * 512, header.descriptorSize() * 512);
        }
        var files = new VmdkFiles(file, header.descriptorOffset() * 512, header.descriptorSize() * 512, text);
        files.extents.add(extent);
        return files;
    }

    private static String text(ImageFile file, long at, long size) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, size));
            file.read(at, bytes, 0, size);
            String text = new String(bytes.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
            int end = text.indexOf('\0');
            return end < 0 ? text : text.substring(0, end);
        }
    }

    private static Extent extent(ImageFile owner, Descriptor.ExtentLine line, boolean readOnly, FileGate gate,
            Budget budget) {
        if (line.sectors() > Long.MAX_VALUE / 512 || line.offset() > Long.MAX_VALUE / 1024) {
            throw new FormatException("The VMDK descriptor of " + owner.name() + " has an extent of " + line.sectors()
                    + " sectors at " + line.offset());
        }
        long size = line.sectors() * 512;
        if (line.type().equals("ZERO")) {
            return new ZeroExtent(size);
        }
        if (line.type().equals("VMFSSPARSE")) {
            throw new CapabilityException("Cannot open " + owner.name()
                    + ": sparse extents of ESX servers (VMFSSPARSE) are not known here");
        }
        if (line.type().equals("SESPARSE") && !readOnly) {
            throw new CapabilityException("Cannot open " + owner.name()
                    + " for writing: its seSparse extents are only read here");
        }
        ImageFile file = gate.open(new ImpliedFile(ImpliedFile.Role.EXTENT, line.file(), null, owner.name()), !readOnly)
                .file();
        try {
            if (file.identity().equals(owner.identity())) {
                throw new FormatException(
                        "The VMDK descriptor of " + owner.name() + " names its own file as an extent");
            }
            return switch (line.type()) {
                case "SPARSE" -> SparseExtent.open(file, size, budget);
                case "SESPARSE" -> SeSparseExtent.open(file, size, budget);
                default -> new FlatExtent(file, line.offset() * 512, size);
            };
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    ImageFile main() {
        return main;
    }

    List<Extent> extents() {
        return extents;
    }

    String typeOf(int extent) {
        boolean alone = extents.size() == 1 && main.equals(extents.getFirst().file());
        return alone ? "" : descriptor.extents().get(extent).type();
    }

    List<ImageFile> all() {
        List<ImageFile> all = new ArrayList<>();
        all.add(main);
        for (Extent extent : extents) {
            ImageFile file = extent.file();
            if (file != null && !file.equals(main)) {
                all.add(file);
            }
        }
        return all;
    }

    synchronized Descriptor descriptor() {
        return descriptor;
    }

    /** Puts another content id in its place. It stands in the descriptor's first sector, which is written as a whole. */
    synchronized void writeCid(long cid) {
        if (descriptorAt == 0 && SparseHeader.isOne(main)) {
            return; // there is no descriptor
        }
        text = Descriptor.withCid(text, cid);
        descriptor = Descriptor.parse(text, main.name());
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > descriptorRoom) {
            throw new FormatException("The VMDK descriptor of " + main.name() + " has no room for " + bytes.length
                    + " bytes");
        }
        main.write(descriptorAt, MemorySegment.ofArray(bytes), 0, Math.min(bytes.length, 512));
    }

    @Override
    public void close() {
        for (Extent extent : extents) {
            if (!main.equals(extent.file())) {
                extent.close();
            }
        }
        main.close();
    }
}
