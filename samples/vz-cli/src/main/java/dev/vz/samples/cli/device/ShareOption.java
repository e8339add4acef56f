package dev.vz.samples.cli.device;

import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A folder of the host's that the guest sees.
 *
 * @param tag       the name under which the guest mounts it: 1 to 36 letters, digits, dots, dashes and underscores
 * @param source    what it is
 * @param transport how the guest reaches it
 * @param packed    whether the guest may use packed rings
 */
public record ShareOption(String tag, Source source, VirtioTransport transport, boolean packed) {

    /** Where the files are. */
    public sealed interface Source {}

    /**
     * A folder of this process's.
     *
     * @param path     the folder
     * @param readOnly whether the guest can change nothing in it
     */
    public record Folder(Path path, boolean readOnly) implements Source {}

    /**
     * A back end of vhost-user in another process, {@code virtiofsd} or {@code vz vhost-user fs} for example. It sees the
     * guest's memory.
     *
     * @param socket the Unix socket at which it listens
     */
    public record BackEnd(Path socket) implements Source {}

    /** It becomes a folder's name in the guest, and a word of its scripts; no key below looks like one with a value. */
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,35}");
    private static final Set<String> KEYS = new TreeSet<>(
            Set.of("share", "vhost-user", "readonly", "transport", "packed"));

    /**
     * The folder that {@code text} describes.
     *
     * @throws IllegalArgumentException saying what is wrong with it
     */
    public static ShareOption parse(String text) {
        var words = new OptionWords(text, "share", KEYS);
        String share = words.required("share");
        int equals = share.indexOf('=');
        boolean remote = words.optional("vhost-user").isPresent();
        if (!remote && (equals < 0 || equals == share.length() - 1)) {
            throw new IllegalArgumentException("'" + share + "' does not say what is shared as what, as "
                    + "documents=/home/me does");
        }
        String tag = remote ? share : share.substring(0, equals);
        if (!TAG.matcher(tag).matches()) {
            throw new IllegalArgumentException("'" + tag + "' is not 1 to 36 letters, digits, dots, dashes and "
                    + "underscores");
        }
        if (remote && words.optional("readonly").isPresent()) {
            throw new IllegalArgumentException("'readonly=' does not go with vhost-user, whose back end decides it");
        }
        Source source = remote ? new BackEnd(Path.of(words.required("vhost-user")))
                : new Folder(Path.of(share.substring(equals + 1)), words.isOn("readonly", false));
        return new ShareOption(tag, source,
                words.choice("transport", VirtioTransport.PCI, VirtioTransport::named, VirtioTransport.NAMES),
                words.isOn("packed", true));
    }

    /** For the command line. */
    public static final class Converter implements ITypeConverter<ShareOption> {
        @Override
        public ShareOption convert(String text) {
            try {
                return parse(text);
            } catch (IllegalArgumentException wrong) {
                throw new TypeConversionException(wrong.getMessage());
            }
        }
    }
}
