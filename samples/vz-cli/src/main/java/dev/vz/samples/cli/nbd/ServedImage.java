package dev.vz.samples.cli.nbd;

import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.ImageStore.Mode;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.nbd.MetadataContext;
import dev.vz.storage.qcow2.ChangeBits;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.ring.RingDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The image that is shown to clients, as the options of qemu-nbd describe it. */
final class ServedImage {

    private ServedImage() {}

    static IoEngine engine(String mode) {
        return switch (mode) {
            case "inline" -> IoEngine.inline();
            case "threads", "native", "io_uring" -> IoEngine.cachedFirst(16);
            default -> throw new CommandFailure("Invalid aio mode '" + mode
                    + "'; it is one of inline, threads, native, io_uring");
        };
    }

    /**
     * Opens it.
     *
     * @param spec     what the operator names
     * @param snapshot an internal snapshot, as {@code -l} takes it; {@code null} for the disk as it is
     */
    static DiskImage open(ImageSpec spec, boolean readOnly, String cache, IoEngine engine, @Nullable String snapshot) {
        CacheMode cacheMode = CacheOption.parse(cache)
                .orElseThrow(() -> new CommandFailure("Invalid cache mode `" + cache + "'"));
        Mode mode = (readOnly || snapshot != null ? Mode.READ : Mode.WRITE).withCache(cacheMode).withEngine(engine)
                .withSnapshot(snapshot == null ? null : idOrName(snapshot));
        try {
            return ImageStore.open(spec, mode);
        } catch (CommandFailure failure) {
            throw new CommandFailure("Failed to blk_new_open '" + spec.name() + "': " + failure.getMessage());
        }
    }

    /**
     * A raw image once more, through io_uring; {@code null} where the image is not the file as it is, or every write is to
     * be durable: then threads do the work.
     */
    static @Nullable RingDisk ring(DiskImage image, boolean readOnly, String cache) {
        boolean whole = image.driver().format() == ImageFormat.RAW && image.driver().file() instanceof HostFile file
                && file.size() == image.info().size();
        boolean deferred = CacheOption.parse(cache).filter(mode -> mode != CacheMode.WRITETHROUGH).isPresent();
        return whole && deferred ? RingDisk.open(Path.of(image.driver().file().name()), readOnly, cache.equals("none"))
                : null;
    }

    /** {@code ID_OR_NAME}, or {@code snapshot.id=ID} or {@code snapshot.name=NAME}. */
    private static String idOrName(String text) {
        for (String key : List.of("snapshot.id=", "snapshot.name=")) {
            int at = text.indexOf(key);
            if (at >= 0) {
                String rest = text.substring(at + key.length());
                int comma = rest.indexOf(',');
                return comma < 0 ? rest : rest.substring(0, comma);
            }
        }
        return text;
    }

    /** An overlay over {@code image} that takes what clients write, and is gone when it is closed. */
    static DiskImage scratch(DiskImage image) {
        Path path = null;
        try {
            path = Files.createTempFile("vz-nbd", ".qcow2");
            try (HostFile file = HostFile.create(path)) {
                Qcow2Format.create(file, Qcow2Options.ofSize(image.info().size()));
            }
            return DiskImage.over(image, HostFile.open(path, false, CacheMode.UNSAFE), ImageFormat.QCOW2,
                    OpenOptions.DEFAULT);
        } catch (IOException failure) {
            throw new CommandFailure("Could not create a temporary overlay: " + failure.getMessage());
        } finally {
            remove(path);
        }
    }

    /** The file lives on without a name until it is closed. */
    private static void remove(@Nullable Path path) {
        try {
            if (path != null) {
                Files.deleteIfExists(path);
            }
        } catch (IOException failure) {
            throw new CommandFailure("Could not remove '" + path + "': " + failure.getMessage());
        }
    }

    /** The persistent bitmap {@code name} of {@code image} or of the nearest one below that has it. */
    static MetadataContext bitmap(DiskImage image, String name, boolean readOnly) {
        for (DiskImage level = image; level != null; level = level.backing().orElse(null)) {
            if (level.driver() instanceof Qcow2Driver qcow2) {
                var found = qcow2.bitmaps().stream().filter(info -> info.name().equals(name)).findFirst();
                if (found.isPresent()) {
                    if (readOnly && found.get().enabled() && level == image) {
                        throw new CommandFailure("Failed to create export: Enabled bitmap '" + name
                                + "' incompatible with readonly export");
                    }
                    ChangeBits bits = qcow2.bitmap(name);
                    return MetadataContext.dirtyBitmap(name, (offset, length) -> run(bits, offset, length));
                }
            }
        }
        throw new CommandFailure("Failed to create export: Bitmap '" + name + "' is not found");
    }

    private static MetadataContext.Run run(ChangeBits bits, long offset, long length) {
        boolean dirty = bits.contains(offset);
        long at = offset;
        do {
            at = (at / bits.granularity() + 1) * bits.granularity();
        } while (at < offset + length && bits.contains(at) == dirty);
        return new MetadataContext.Run(Math.min(at - offset, length), dirty ? 1 : 0);
    }
}
