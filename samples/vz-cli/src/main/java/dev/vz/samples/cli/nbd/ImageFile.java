package dev.vz.samples.cli.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.error.HostException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.filter.DiscardIgnored;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Opens the image that an operator names, with the backing files that it names: both are the operator's choice. */
final class ImageFile {

    private ImageFile() {}

    static IoEngine engine(String mode) {
        return switch (mode) {
            case "inline" -> IoEngine.inline();
            case "threads", "native", "io_uring" -> IoEngine.threads(16);
            default -> throw ServeCommand.unknown("--aio", mode, "inline, threads, native, io_uring");
        };
    }

    static DiskImage open(Path path, @Nullable String format, boolean readOnly, String cache, IoEngine engine) {
        CacheMode mode = switch (cache) {
            case "writeback", "none" -> CacheMode.WRITEBACK;
            case "writethrough", "directsync" -> CacheMode.WRITETHROUGH;
            case "unsafe" -> CacheMode.UNSAFE;
            default -> throw ServeCommand.unknown("--cache", cache,
                    "none, writeback, writethrough, directsync, unsafe");
        };
        ImageFormat known = format == null ? probe(path) : ImageFormat.ofLabel(format);
        return DiskImage.open(path, known, OpenOptions.DEFAULT.withReadOnly(readOnly).withCacheMode(mode)
                .withGate(FileGate.open()).withEngine(engine));
    }

    private static ImageFormat probe(Path path) {
        var start = new byte[68];
        try (InputStream in = Files.newInputStream(path)) {
            if (in.readNBytes(start, 0, start.length) < start.length) {
                return ImageFormat.RAW;
            }
        } catch (IOException failure) {
            throw new HostException("opening the image", path.toString(), failure);
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
        if (text.startsWith("QFI\u00fb")) {
            return ImageFormat.QCOW2;
        }
        if (text.startsWith("conectix")) {
            return ImageFormat.VPC;
        }
        if (text.startsWith("WithoutFreeSpace") || text.startsWith("WithouFreSpacExt")) {
            return ImageFormat.PARALLELS;
        }
        return text.startsWith("\u007f\u0010\u00da\u00be", 64) ? ImageFormat.VDI : ImageFormat.RAW;
    }

    static BlockDevice withoutDiscard(BlockDevice device) {
        return new DiscardIgnored(device);
    }
}
