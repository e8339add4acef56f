package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.parallels.ParallelsFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.qed.QedFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.vdi.VdiFormat;
import dev.vz.storage.vhd.VhdFormat;
import dev.vz.storage.vhdx.VhdxFormat;
import dev.vz.storage.vmdk.VmdkFormat;
import dev.vz.storage.vmdk.VmdkOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/** Both programs change one image in turns, in each format that both can write; after every step both read the same. */
class RandomOperationsTest {

    private static final int SIZE = 3 << 20;

    /** A format with the options that change how data is laid out. */
    enum Kind {
        RAW(ImageFormat.RAW, file -> file.resize(SIZE)),
        QCOW2(ImageFormat.QCOW2, file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE))),
        QCOW2_SMALL(ImageFormat.QCOW2,
                file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(512).withRefcountBits(1)),
                "cluster_size=512,refcount_bits=1"),
        VDI(ImageFormat.VDI, file -> VdiFormat.create(file, SIZE, false)),
        VHD(ImageFormat.VPC, file -> VhdFormat.create(file, SIZE, false, Clock.systemUTC()), "force_size=on"),
        VHD_FIXED(ImageFormat.VPC, file -> VhdFormat.create(file, SIZE, true, Clock.systemUTC()),
                "subformat=fixed,force_size=on"),
        VHDX(ImageFormat.VHDX, file -> VhdxFormat.create(file, SIZE, false, 1 << 20, 1 << 20), "block_size=1M"),
        VMDK(ImageFormat.VMDK, file -> VmdkFormat.create(file, "image", VmdkOptions.ofSize(SIZE), name -> {
            throw new AssertionError("no further file, but " + name);
        })),
        QED(ImageFormat.QED, file -> QedFormat.create(file, SIZE, 4096, 2, null, null),
                "cluster_size=4k,table_size=2"),
        PARALLELS(ImageFormat.PARALLELS, file -> ParallelsFormat.create(file, SIZE, 65536), "cluster_size=64k");

        final ImageFormat format;
        final Consumer<ImageFile> create;
        final List<String> options;

        Kind(ImageFormat format, Consumer<ImageFile> create, String... options) {
            this.format = format;
            this.create = create;
            this.options = options.length == 0 ? List.of() : List.of("-o", options[0]);
        }
    }

    /** What happens to some sectors. */
    enum Deed {
        WRITE, ZERO, DISCARD
    }

    /** {@code ours}: who does it. */
    record Step(boolean ours, Deed deed, int sector, int sectors, int value) {
        int offset() {
            return sector * 512;
        }

        int length() {
            return Math.min(sectors * 512, SIZE - offset());
        }
    }

    @Provide
    Arbitrary<List<Step>> steps() {
        return Combinators.combine(Arbitraries.of(true, false), Arbitraries.frequency(net.jqwik.api.Tuple.of(6,
                Deed.WRITE), net.jqwik.api.Tuple.of(2, Deed.ZERO), net.jqwik.api.Tuple.of(1, Deed.DISCARD)),
                Arbitraries.integers().between(0, SIZE / 512 - 1), Arbitraries.oneOf(Arbitraries.integers().between(1,
                        20), Arbitraries.integers().between(1, 900)),
                Arbitraries.integers().between(1, 255)).as(Step::new)
                .list().ofMinSize(4).ofMaxSize(7);
    }

    @Property(tries = 10, shrinking = ShrinkingMode.OFF)
    void bothReadWhatEitherWrote(@ForAll Kind kind, @ForAll boolean madeHere, @ForAll("steps") List<Step> steps)
            throws IOException {
        Qemu.require();
        Path folder = Files.createTempDirectory("operations");
        Path image = folder.resolve("image");
        Path raw = folder.resolve("raw");
        try {
            make(kind, madeHere, image);
            var model = new ModelDisk(SIZE);
            for (Step step : steps) {
                if (step.ours()) {
                    here(kind, image, model, step);
                } else {
                    there(kind, image, model, step);
                }
                compare(kind, image, model, raw, step);
            }
        } finally {
            Files.deleteIfExists(image);
            Files.deleteIfExists(raw);
            Files.delete(folder);
        }
    }

    private static void make(Kind kind, boolean madeHere, Path image) {
        if (madeHere) {
            try (var file = HostFile.create(image)) {
                kind.create.accept(file);
            }
            return;
        }
        var arguments = new ArrayList<Object>(List.of("create", "-q", "-f", kind.format.label()));
        arguments.addAll(kind.options);
        arguments.addAll(List.of(image, SIZE));
        Qemu.imgOk(arguments.toArray());
    }

    private static void here(Kind kind, Path image, ModelDisk model, Step step) {
        try (var disk = DiskImage.open(image, kind.format, OpenOptions.DEFAULT)) {
            switch (step.deed()) {
                case WRITE -> model.write(disk, step.offset(), step.length(), step.value());
                case ZERO -> model.zero(disk, step.offset(), step.length());
                case DISCARD -> {
                    disk.discard(step.offset(), step.length());
                    learn(disk, model, step);
                }
            }
        }
    }

    /** Discarded bytes read as zeros or as before, sector by sector: which of them is the format's choice. */
    private static void learn(DiskImage disk, ModelDisk model, Step step) {
        byte[] now = ModelDisk.read(disk, step.offset(), step.length());
        for (int at = 0; at < now.length; at += 512) {
            byte[] sector = Arrays.copyOfRange(now, at, at + 512);
            byte[] before = Arrays.copyOfRange(model.bytes(), step.offset() + at, step.offset() + at + 512);
            assertThat(Arrays.equals(sector, before) || Arrays.equals(sector, new byte[512])).as(
                    "a discarded sector at %d", step.offset() + at).isTrue();
        }
        System.arraycopy(now, 0, model.bytes(), step.offset(), now.length);
    }

    private static void there(Kind kind, Path image, ModelDisk model, Step step) {
        String range = step.offset() + " " + step.length();
        int from = step.offset();
        switch (step.deed()) {
            case WRITE -> {
                Qemu.io(kind.format.label(), image, List.of("write -P " + step.value() + " " + range));
                Arrays.fill(model.bytes(), from, from + step.length(), (byte) step.value());
            }
            case ZERO -> {
                Qemu.io(kind.format.label(), image, List.of("write -z " + range));
                Arrays.fill(model.bytes(), from, from + step.length(), (byte) 0);
            }
            case DISCARD -> {
                Qemu.io(kind.format.label(), image, List.of("discard " + range));
                try (var disk = DiskImage.open(image, kind.format, OpenOptions.DEFAULT.withReadOnly(true))) {
                    learn(disk, model, step);
                }
            }
        }
    }

    private static void compare(Kind kind, Path image, ModelDisk model, Path raw, Step step) {
        try (var disk = DiskImage.open(image, kind.format, OpenOptions.DEFAULT.withReadOnly(true))) {
            assertThat(ModelDisk.read(disk, 0, SIZE)).as("after %s", step).isEqualTo(model.bytes());
        }
        Qemu.compare(kind.format.label(), image, "raw", model.toFile(raw));
        if (kind.format != ImageFormat.RAW && kind.format != ImageFormat.VPC) {
            Qemu.check(kind.format.label(), image);
        }
    }
}
