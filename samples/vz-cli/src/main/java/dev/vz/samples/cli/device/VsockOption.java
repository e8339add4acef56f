package dev.vz.samples.cli.device;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Streams between the guest and Unix sockets of the host.
 *
 * @param socket    where programs of the host connect to ports of the guest; must not exist yet
 * @param cid       the guest's address, 3 to 2³²−2
 * @param forward   ports of the host that the guest reaches: each is the Unix socket at {@code socket} with {@code _PORT}
 *                  behind it
 * @param transport how the guest reaches the device
 * @param packed    whether the guest may use packed rings
 */
public record VsockOption(Path socket, long cid, List<Integer> forward, VirtioTransport transport, boolean packed) {

    private static final long FIRST_CID = 3;
    private static final long LAST_CID = 0xFFFF_FFFEL;
    private static final Set<String> KEYS = new TreeSet<>(
            Set.of("socket", "cid", "forward", "transport", "packed"));

    /** Keeps a copy. */
    public VsockOption {
        forward = List.copyOf(forward);
    }

    /**
     * What {@code text} describes.
     *
     * @throws IllegalArgumentException saying what is wrong with it
     */
    public static VsockOption parse(String text) {
        var words = new OptionWords(text, "socket", KEYS);
        return new VsockOption(Path.of(words.required("socket")),
                words.optional("cid").map(cid -> number("cid", cid, FIRST_CID, LAST_CID)).orElse(FIRST_CID),
                words.optional("forward").map(VsockOption::ports).orElse(List.of()),
                words.choice("transport", VirtioTransport.PCI, VirtioTransport::named, VirtioTransport.NAMES),
                words.isOn("packed", true));
    }

    private static List<Integer> ports(String text) {
        List<Integer> ports = Arrays.stream(text.split("/", -1)).map(
                port -> (int) number("forward", port, 0, LAST_CID)).toList();
        if (Set.copyOf(ports).size() < ports.size()) {
            throw new IllegalArgumentException("'forward=" + text + "' names a port twice");
        }
        return ports;
    }

    private static long number(String key, String text, long least, long most) {
        try {
            long number = Long.parseLong(text);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException noNumber) {
            // Said below, as for a number that is out of range.
        }
        throw new IllegalArgumentException("'" + key + "=': '" + text + "' is not between " + least + " and " + most);
    }

    /** For the command line. */
    public static final class Converter implements ITypeConverter<VsockOption> {
        @Override
        public VsockOption convert(String text) {
            try {
                return parse(text);
            } catch (IllegalArgumentException wrong) {
                throw new TypeConversionException(wrong.getMessage());
            }
        }
    }
}
