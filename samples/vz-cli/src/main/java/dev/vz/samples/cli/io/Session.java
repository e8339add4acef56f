package dev.vz.samples.cli.io;

import dev.vz.samples.cli.disk.Allocation;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.FaultRules;
import dev.vz.samples.cli.disk.Filters;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Program;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The image that is open, and where output goes. One thread. */
final class Session {

    final PrintStream out;
    final PrintStream err;
    private @Nullable DiskImage image;
    private @Nullable ImageSpec spec;
    private ImageStore.Mode mode;
    private @Nullable Path temporary;
    private boolean quit;
    private boolean copyOnRead;
    private FaultRules rules = FaultRules.NONE;

    Session(PrintStream out, PrintStream err, ImageStore.Mode mode) {
        this.out = out;
        this.err = err;
        this.mode = mode;
    }

    /** From now on, what is read becomes the opened image's own. */
    void setCopyOnRead(boolean copies) {
        copyOnRead = copies;
    }

    /** Gives the image what was read, in whole units, where it did not hold it before. */
    void copyOnRead(long offset, long length) {
        if (!copyOnRead || length == 0) {
            return;
        }
        DiskImage disk = image();
        long unit = Math.max(disk.driver().granule(), 1);
        long end = Math.min(disk.info().size(), Math.ceilDiv(offset + length, unit) * unit);
        long at = offset / unit * unit;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(1 << 20);
            while (at < end) {
                Allocation.Run run = Allocation.at(disk, at, Math.min(end - at, buffer.byteSize()));
                if (!run.allocated()) {
                    rules.event("cor_write");
                    rules.request(FaultRules.Kind.WRITE, at, run.length());
                    MemorySegment piece = buffer.asSlice(0, run.length());
                    MapExtent below = disk.map(at, run.length());
                    // Without a backing image, writing zeros would leave it as it is.
                    if (below.zero() && below.length() == run.length() && disk.backing().isPresent()) {
                        disk.writeZeroes(at, run.length());
                    } else {
                        disk.read(at, piece);
                        disk.write(at, piece);
                    }
                }
                at += run.length();
            }
        }
    }

    /** Opens {@code wanted}; says why where it cannot. */
    boolean open(ImageSpec wanted, ImageStore.Mode mode) {
        if (image != null) {
            complain("file open already, try 'help close'");
            return false;
        }
        try {
            Filters filters = Filters.of(wanted);
            if (filters.copyOnRead()) {
                if (mode.readOnly()) {
                    throw new CommandFailure("Block node is read-only");
                }
                copyOnRead = true;
            }
            rules = filters.rules();
            image = ImageStore.open(filters.below(), mode);
            spec = wanted;
            this.mode = mode;
            return true;
        } catch (CommandFailure failure) {
            out.flush();
            complain("can't open" + (wanted.name().isEmpty() ? "" : " device " + wanted.name()) + ": " + failure
                    .getMessage());
            return false;
        }
    }

    /** Opens an overlay of {@code wanted} that is gone after closing: nothing that is written stays. */
    boolean openTemporary(ImageSpec wanted, ImageStore.Mode mode) {
        try {
            Path overlay = Files.createTempFile("vz-io", ".qcow2");
            temporary = overlay;
            long size;
            String format;
            try (DiskImage below = ImageStore.open(wanted, mode.withReadOnly(true))) {
                size = below.info().size();
                format = below.driver().format().label();
            }
            try (HostFile file = HostFile.create(overlay)) {
                Qcow2Format.create(file, Qcow2Options.ofSize(size).withBacking(Path.of(wanted.name()).toAbsolutePath()
                        .toString(), format));
            }
            return open(ImageSpec.ofName(overlay.toString(), "qcow2"), mode.withReadOnly(false));
        } catch (IOException failure) {
            complain("can't open device " + wanted.name() + ": no temporary file: " + failure.getMessage());
            return false;
        } catch (CommandFailure failure) {
            complain("can't open device " + wanted.name() + ": " + failure.getMessage());
            return false;
        }
    }

    void close() {
        DiskImage open = image;
        image = null;
        Path overlay = temporary;
        temporary = null;
        try {
            if (open != null) {
                open.close();
            }
        } finally {
            if (overlay != null) {
                try {
                    Files.deleteIfExists(overlay);
                } catch (IOException failure) {
                    complain("cannot delete " + overlay + ": " + failure.getMessage());
                }
            }
        }
    }

    /**
     * Opens the same image again in another way.
     *
     * @param given  options that change
     * @param access whether reading or writing was chosen, too
     * @param cache  whether a cache mode was chosen, too
     * @throws CommandFailure if the options do not fit; then the image stays as it is
     */
    boolean reopen(ImageStore.Mode mode, Map<String, String> given, boolean access, boolean cache) {
        ImageSpec same = spec;
        if (same == null) {
            return false;
        }
        Reopening.check(given, same, image(), access, cache);
        close();
        return open(Reopening.changed(same, given), Reopening.mode(mode, given));
    }

    /** The protocol that was opened without a format; {@code null} if there is a format. */
    @Nullable
    String protocol() {
        ImageSpec open = spec;
        String driver = open == null ? null : Filters.of(open).below().options().get("driver");
        return driver == null || ImageStore.isFormat(driver) ? null : driver;
    }

    boolean isOpen() {
        return image != null;
    }

    DiskImage image() {
        DiskImage open = image;
        if (open == null) {
            throw new IllegalStateException("No image is open");
        }
        return open;
    }

    ImageStore.Mode mode() {
        return mode;
    }

    void say(String text) {
        out.println(text);
    }

    /** A message in the tool's name. */
    void complain(String text) {
        out.flush();
        err.println(Program.name() + ": " + text);
    }

    void quit() {
        quit = true;
    }

    boolean hasQuit() {
        return quit;
    }
}
