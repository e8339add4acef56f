package dev.vz.samples.cli.disk;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.luks.KeySource;
import dev.vz.storage.parallels.ParallelsDriver;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Opens images as an operator names them. Files that an image names are opened too: whoever starts this command has the
 * rights to them, and chose the image.
 */
public final class ImageStore {

    /**
     * How to open.
     *
     * @param readOnly for reading only
     * @param cache    what a completed write means
     * @param backing  whether to open what is below
     * @param engine   which threads move data
     * @param asFound  for a check: neither refused nor repaired because of damage
     * @param snapshot the internal snapshot to open; {@code null} for the disk as it is
     */
    public record Mode(boolean readOnly, CacheMode cache, boolean backing, IoEngine engine, boolean asFound,
            @Nullable String snapshot) {

        /** For reading only. */
        public static final Mode READ = new Mode(true, CacheMode.WRITEBACK, true, IoEngine.inline(), false,
                null);
        /** For writing, too. */
        public static final Mode WRITE = new Mode(false, CacheMode.WRITEBACK, true, IoEngine.inline(), false,
                null);

        /** The same with another cache mode. */
        public Mode withCache(CacheMode cache) {
            return new Mode(readOnly, cache, backing, engine, asFound, snapshot);
        }

        /** The same, without what is below. */
        public Mode alone() {
            return new Mode(readOnly, cache, false, engine, asFound, snapshot);
        }

        /** The same, for reading only or not. */
        public Mode withReadOnly(boolean readOnly) {
            return new Mode(readOnly, cache, backing, engine, asFound, snapshot);
        }

        /** The same, for a check. */
        public Mode forCheck() {
            return new Mode(readOnly, cache, false, engine, true, snapshot);
        }

        /** The same, showing an internal snapshot. */
        public Mode withSnapshot(@Nullable String snapshot) {
            return new Mode(readOnly, cache, backing, engine, asFound, snapshot);
        }

        /** The same with another engine. */
        public Mode withEngine(IoEngine engine) {
            return new Mode(readOnly, cache, backing, engine, asFound, snapshot);
        }
    }

    private ImageStore() {}

    /**
     * Opens what {@code spec} names.
     *
     * @throws CommandFailure with the tools' words for what is wrong, but for their beginning
     */
    public static DiskImage open(ImageSpec spec, Mode mode) {
        return open(spec.options(), spec.name(), mode);
    }

    private static DiskImage open(Map<String, String> options, String name, Mode mode) {
        String driver = options.get("driver");
        Map<String, String> fileOptions = ImageSpec.below(options, "file.");
        if (fileOptions.isEmpty() && driver != null && Protocols.isKnown(driver)) {
            fileOptions = options;
            driver = "raw";
        }
        if (driver != null && !isFormat(driver)) {
            throw new CommandFailure("Unknown driver '" + driver + "'");
        }
        ImageFile file = window(below(fileOptions, mode), options);
        ImageFormat format;
        try {
            format = driver == null ? FormatProbe.of(file) : ImageFormat.ofLabel(driver);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        if (driver == null && format == ImageFormat.RAW && !mode.readOnly()) {
            System.err.print("WARNING: Image format was not specified for '" + name + "' and probing guessed raw.\n"
                    + "         Automatically detecting the format is dangerous for raw images, write operations on "
                    + "block 0 will be restricted.\n"
                    + "         Specify the 'raw' format explicitly to remove the restrictions.\n");
        }
        requireClosed(file, format, mode);
        Map<String, String> backing = ImageSpec.below(options, "backing.");
        boolean below = mode.backing() && !"".equals(options.get("backing"));
        var opened = new OpenOptions(mode.readOnly(), mode.cache(), new Gate(backing), OpenOptions.DEFAULT.budget(),
                mode.engine(), below, mode.asFound(), keys(options), mode.snapshot());
        try {
            DiskImage image = DiskImage.open(file, format, opened);
            requireCaches(image, options);
            unlock(image, mode);
            return image;
        } catch (FormatException | CapabilityException | ConfigurationException refused) {
            throw new CommandFailure(Refusals.text(refused, file, format));
        }
    }

    /** What a format lies on: a file, or the disk that another image shows. */
    static ImageFile below(Map<String, String> options, Mode mode) {
        String driver = options.getOrDefault("driver", "file");
        return isFormat(driver) ? DiskFile.of(open(options, driver, mode)) : Protocols.open(options, mode);
    }

    /** As the tools do, who wants to write a Parallels image that nobody closed is told to check it first. */
    private static void requireClosed(ImageFile file, ImageFormat format, Mode mode) {
        if (format != ImageFormat.PARALLELS || mode.readOnly() || mode.asFound()) {
            return;
        }
        boolean unclean = ParallelsDriver.unclean(file);
        if (unclean) {
            file.close();
            throw new CommandFailure("parallels: Image was not closed correctly; cannot be opened read/write");
        }
    }

    private static void requireCaches(DiskImage image, Map<String, String> options) {
        if (!(image.driver() instanceof Qcow2Driver qcow2)) {
            return;
        }
        try {
            String problem = CacheSizes.problem(options, qcow2.granule());
            if (problem != null) {
                throw new CommandFailure(problem);
            }
        } catch (CommandFailure failure) {
            image.close();
            throw failure;
        }
    }

    /** Where data is wanted, a wrong passphrase is told at once. */
    private static void unlock(DiskImage image, Mode mode) {
        if (mode.backing() && image.driver() instanceof Qcow2Driver qcow2) {
            try {
                qcow2.unlock();
            } catch (RuntimeException failure) {
                image.close();
                throw failure;
            }
        }
    }

    /** The passphrases that the options name, for the image and for the ones below it. */
    private static KeySource keys(Map<String, String> options) {
        return image -> {
            String id = null;
            Map<String, String> level = options;
            boolean top = true;
            while (id == null && !level.isEmpty()) {
                String file = level.getOrDefault("file.filename", level.get("filename"));
                if (file == null || image.equals(file) || top) {
                    id = level.get("encrypt.key-secret");
                }
                level = ImageSpec.below(level, "backing.");
                top = false;
            }
            if (id == null) {
                throw new CommandFailure("Parameter 'encrypt.key-secret' is required for cipher");
            }
            String named = id;
            return Secrets.find(id).orElseThrow(() -> new CommandFailure("No secret with id '" + named + "'"));
        };
    }

    /** The part of a raw file that its options leave. */
    private static ImageFile window(ImageFile file, Map<String, String> options) {
        String start = options.get("offset");
        String size = options.get("size");
        if (!"raw".equals(options.get("driver")) || start == null && size == null) {
            return file;
        }
        long all = file.size();
        long from = start == null ? 0 : Sizes.tryParse(start).orElse(-1);
        if (from < 0 || from > all) {
            file.close();
            throw new CommandFailure("Offset (" + from + ") cannot be greater than size of the containing file ("
                    + all + ")");
        }
        long length = size == null ? (all - from) & -512 : Sizes.tryParse(size).orElse(-1);
        if (length < 0 || length > all - from) {
            file.close();
            throw new CommandFailure("The sum of offset (" + from + ") and size (" + length
                    + ") has to be smaller or equal to the  actual size of the containing file (" + all + ")");
        }
        if (length % 512 != 0) {
            file.close();
            throw new CommandFailure("Specified size is not multiple of 512");
        }
        return new WindowFile(file, from, length);
    }

    /** Whether {@code label} names a format. */
    public static boolean isFormat(String label) {
        for (ImageFormat format : ImageFormat.values()) {
            if (format.label().equals(label)) {
                return true;
            }
        }
        return false;
    }

    /** Opens an existing file of the host. */
    static HostFile hostFile(String driver, String name, Mode mode) {
        try {
            requireKind(driver, Path.of(name), mode);
            return HostFile.open(Path.of(name), mode.readOnly(), mode.cache());
        } catch (HostException refused) {
            throw new CommandFailure("Could not open '" + name + "': " + HostErrors.text(refused));
        } catch (ConfigurationException refused) {
            throw new CommandFailure("Could not open '" + name + "': " + refused.getMessage());
        } catch (InvalidPathException noPath) {
            throw new CommandFailure("Could not open '" + name + "': Invalid argument");
        }
    }

    private static void requireKind(String driver, Path path, Mode mode) {
        if (!Files.exists(path)) {
            return; // opening it says so
        }
        if (Files.isDirectory(path) && !mode.readOnly()) {
            throw new CommandFailure("Could not open '" + path + "': Is a directory");
        }
        boolean plain = Files.isRegularFile(path);
        boolean device = !plain && !Files.isDirectory(path);
        if (driver.startsWith("host_") && !device) {
            throw new CommandFailure("'" + driver + "' driver requires '" + path
                    + "' to be either a character or block device");
        }
        if (driver.equals("file") && !plain && (!device || path.equals(Path.of("/dev/null")))) {
            throw new CommandFailure("'file' driver requires '" + path + "' to be a regular file");
        }
    }

    /** The name by which {@code name} is found when the image {@code owner} states it. */
    public static String relativeTo(String owner, String name) {
        String protocol = ImageSpec.protocolOf(name);
        if (name.startsWith("/") || !protocol.isEmpty() && !protocol.equals("file")) {
            return name;
        }
        String plain = name.startsWith("file:") ? name.substring(5) : name;
        int slash = owner.lastIndexOf('/');
        return slash < 0 || plain.startsWith("/") ? plain : owner.substring(0, slash + 1) + plain;
    }

    /** Lets through what images name; the options may put something else in the place of the first backing image. */
    private static final class Gate implements FileGate {

        private @Nullable Map<String, String> replacement;

        Gate(Map<String, String> replacement) {
            this.replacement = replacement.isEmpty() ? null : replacement;
        }

        @Override
        public Optional<ImpliedFile> unnamedBacking(ImageFile image) {
            return replacement == null ? Optional.empty()
                    : Optional.of(new ImpliedFile(ImpliedFile.Role.BACKING, "", null, image.name()));
        }

        @Override
        public Grant open(ImpliedFile wanted, boolean writable) {
            Mode mode = writable ? Mode.WRITE : Mode.READ;
            String name = relativeTo(wanted.owner(), wanted.name());
            if (wanted.role() != ImpliedFile.Role.BACKING) {
                return new Grant(Protocols.open(ImageSpec.fileOptions("", name), mode), ImageFormat.RAW);
            }
            try {
                Map<String, String> options = replacement;
                replacement = null;
                String stated = wanted.format();
                if (options == null) {
                    options = ImageSpec.ofName(name, null).options();
                } else {
                    stated = options.getOrDefault("driver", stated);
                    boolean named = options.containsKey("filename") || options.keySet().stream().anyMatch(
                            key -> key.startsWith("file."));
                    boolean format = stated == null || isFormat(stated);
                    options = named || !format ? options : ImageSpec.ofName(name, null).options();
                }
                Map<String, String> fileOptions = ImageSpec.below(options, "file.");
                ImageFile file = below(fileOptions.isEmpty() ? options : fileOptions, mode);
                if (stated != null && !isFormat(stated)) {
                    if (!Protocols.isKnown(stated)) {
                        file.close();
                        throw new CommandFailure("Unknown driver '" + stated + "'");
                    }
                    return new Grant(file, ImageFormat.RAW);
                }
                return new Grant(file, stated == null ? FormatProbe.of(file) : ImageFormat.ofLabel(stated));
            } catch (CommandFailure failure) {
                throw new CommandFailure("Could not open backing file: " + failure.getMessage());
            }
        }
    }
}
