package dev.vz.storage.job;

import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** A folder of qcow2 images of which one, that a file names, is the top of a chain; all of it open for writing. */
record ChainFiles(Path folder, IoEngine engine) {

    private OpenOptions options() {
        return OpenOptions.DEFAULT.withEngine(engine);
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    void create(String name, long size) {
        try (HostFile file = HostFile.create(file(name))) {
            Qcow2Format.create(file, Qcow2Options.ofSize(size).withClusterSize(4096));
        }
        record(file(name));
    }

    /** Makes and opens the image {@code name} over another one. */
    UnaryOperator<DiskImage> overlay(String name) {
        return below -> {
            String backing = Objects.requireNonNull(Path.of(below.driver().file().name()).getFileName()).toString();
            try (HostFile file = HostFile.create(file(name))) {
                Qcow2Format.create(file, Qcow2Options.ofSize(below.info().size()).withClusterSize(4096)
                        .withBacking(backing, "qcow2"));
            }
            return DiskImage.over(below, HostFile.open(file(name), false, CacheMode.WRITEBACK), ImageFormat.QCOW2,
                    options());
        };
    }

    DiskChain open() {
        return new DiskChain(open(top()), image -> record(Path.of(image.driver().file().name())));
    }

    private DiskImage open(Path path) {
        Path below = null;
        try (DiskImage alone = DiskImage.open(path, ImageFormat.QCOW2, OpenOptions.DEFAULT.withoutBacking())) {
            below = alone.driver().backing().map(implied -> file(implied.name())).orElse(null);
        }
        return below == null ? DiskImage.open(path, ImageFormat.QCOW2, options())
                : DiskImage.over(open(below), HostFile.open(path, false, CacheMode.WRITEBACK), ImageFormat.QCOW2,
                        options());
    }

    Path top() {
        try {
            return file(Files.readString(file("top")));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private void record(Path image) {
        try {
            Path next = file("top.next");
            Files.writeString(next, Objects.requireNonNull(image.getFileName()).toString());
            Files.move(next, file("top"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
