package dev.vz.samples.cli.device;

import dev.vz.storage.file.CacheMode;
import dev.vz.storage.image.ImageFormat;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A disk of the guest's.
 *
 * @param source    what its bytes are
 * @param queues    how many requests the guest's processors can hand over side by side, 1 to 64
 * @param transport how the guest reaches it
 * @param packed    whether the guest may use packed rings
 */
public record DiskOption(Source source, int queues, VirtioTransport transport, boolean packed) {

    /** Where a disk's bytes come from. */
    public sealed interface Source {}

    /**
     * An image.
     *
     * @param file     the image
     * @param format   how to read it; never guessed, since a guest could write what makes it look like another
     * @param readOnly whether the guest can only read it
     * @param serial   what the guest reads as its id, up to 20 ASCII characters; may be empty
     * @param cache    what a completed write means
     */
    public record Image(Path file, ImageFormat format, boolean readOnly, String serial,
            CacheMode cache) implements Source {}

    /**
     * A back end of vhost-user in another process, {@code qemu-storage-daemon} or {@code vz vhost-user blk} for example.
     * It sees the guest's memory.
     *
     * @param socket the Unix socket at which it listens
     */
    public record BackEnd(Path socket) implements Source {}

    private static final int SERIAL = 20;
    private static final Set<String> KEYS = new java.util.TreeSet<>(Set.of("file", "vhost-user", "format",
            "readonly", "serial", "queues", "cache", "transport", "packed"));
    /** What only whoever has the image can decide. */
    private static final List<String> OF_IMAGES = List.of("file", "format", "readonly", "serial", "cache");
    private static final String FORMATS = Arrays.stream(ImageFormat.values()).map(ImageFormat::label)
            .collect(Collectors.joining(", "));

    /**
     * The disk that {@code text} describes.
     *
     * @throws IllegalArgumentException saying what is wrong with it
     */
    public static DiskOption parse(String text) {
        var words = new OptionWords(text, "file", KEYS);
        Source source = words.optional("vhost-user").isPresent() ? backEnd(words) : image(words);
        return new DiskOption(source, words.number("queues", 1, 1, 64),
                words.choice("transport", VirtioTransport.PCI, VirtioTransport::named, VirtioTransport.NAMES),
                words.isOn("packed", true));
    }

    private static BackEnd backEnd(OptionWords words) {
        OF_IMAGES.stream().filter(key -> words.optional(key).isPresent()).findFirst().ifPresent(key -> {
            throw new IllegalArgumentException("'" + key + "=' does not go with vhost-user, whose back end decides it");
        });
        return new BackEnd(Path.of(words.required("vhost-user")));
    }

    private static Image image(OptionWords words) {
        String serial = words.optional("serial").orElse("");
        if (serial.length() > SERIAL || !serial.chars().allMatch(c -> c > ' ' && c < 0x7F)) {
            throw new IllegalArgumentException("'serial=" + serial + "' is not up to " + SERIAL
                    + " printable ASCII characters");
        }
        return new Image(Path.of(words.required("file")),
                words.choice("format", ImageFormat.RAW, label -> Arrays.stream(ImageFormat.values())
                        .filter(format -> format.label().equals(label)).findFirst(), FORMATS),
                words.isOn("readonly", false), serial,
                words.choice("cache", CacheMode.WRITEBACK, DiskOption::cacheMode, "writeback, writethrough, unsafe"));
    }

    private static Optional<CacheMode> cacheMode(String name) {
        return Arrays.stream(CacheMode.values()).filter(mode -> mode.name().toLowerCase(Locale.ROOT).equals(name))
                .findFirst();
    }

    /** For the command line. */
    public static final class Converter implements ITypeConverter<DiskOption> {
        @Override
        public DiskOption convert(String text) {
            try {
                return parse(text);
            } catch (IllegalArgumentException wrong) {
                throw new TypeConversionException(wrong.getMessage());
            }
        }
    }
}
