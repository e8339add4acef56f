package dev.vz.samples.cli.disk;

import dev.vz.storage.bochs.BochsDriver;
import dev.vz.storage.cloop.CloopDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Tells a file's format by its first bytes, for an operator who states none. The library never does that: a guest can
 * write such bytes into a raw disk.
 */
final class FormatProbe {

    private static final int LENGTH = 2048;
    private static final ValueLayout.OfInt LITTLE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int VDI_SIGNATURE = 0xbeda107f;

    private FormatProbe() {}

    static ImageFormat of(ImageFile file) {
        byte[] bytes = new byte[LENGTH];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(LENGTH);
            file.read(0, start, 0, Math.min(LENGTH, file.size()));
            MemorySegment.copy(start, 0, MemorySegment.ofArray(bytes), 0, LENGTH);
        }
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        if (text.startsWith("QFI\u00fb")) {
            return ImageFormat.QCOW2;
        }
        if (BochsDriver.isOne(text)) {
            return ImageFormat.BOCHS;
        }
        if (text.startsWith(CloopDriver.START)) {
            return ImageFormat.CLOOP;
        }
        if (file.name().endsWith(".dmg")) {
            return ImageFormat.DMG;
        }
        if (text.startsWith("KDMV") || text.regionMatches(true, 0, "# Disk DescriptorFile", 0, 21)) {
            return ImageFormat.VMDK;
        }
        if (text.startsWith("QED\0")) {
            return ImageFormat.QED;
        }
        if (text.startsWith("vhdxfile")) {
            return ImageFormat.VHDX;
        }
        if (text.startsWith("conectix")) {
            return ImageFormat.VPC;
        }
        if (text.startsWith("WithoutFreeSpace") || text.startsWith("WithouFreSpacExt")) {
            return ImageFormat.PARALLELS;
        }
        if (MemorySegment.ofArray(bytes).get(LITTLE, 0x40) == VDI_SIGNATURE) {
            return ImageFormat.VDI;
        }
        return ImageFormat.RAW;
    }
}
