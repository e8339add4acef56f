package dev.vz.samples.cli.device;

import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.InetAddress;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A network card of the guest's.
 *
 * @param tap       the host's TAP interface at the other end; {@code null} for a network of the guest's own, whose gateway
 *                  passes its connections on through sockets of this process
 * @param mac       the card's address; {@code null} for one that vz chooses
 * @param loopback  what the guest calls the host's loopback, in its own network; {@code null} if it cannot reach it
 * @param transport how the guest reaches the card
 * @param packed    whether the guest may use packed rings
 */
public record NetOption(@Nullable String tap, @Nullable MacAddress mac, @Nullable InetAddress loopback,
        VirtioTransport transport, boolean packed) {

    private static final String USER = "user";
    private static final Set<String> KEYS = new TreeSet<>(
            Set.of("kind", "tap", "mac", "loopback", "transport", "packed"));

    /**
     * The card that {@code text} describes.
     *
     * @throws IllegalArgumentException saying what is wrong with it
     */
    public static NetOption parse(String text) {
        var words = new OptionWords(text, "kind", KEYS);
        Optional<String> tap = words.optional("tap");
        Optional<String> kind = words.optional("kind");
        if (tap.isPresent() == kind.isPresent() || tap.orElse("x").isEmpty() || !kind.orElse(USER).equals(USER)) {
            throw new IllegalArgumentException("'" + text + "' starts with neither user nor tap=IF");
        }
        Optional<String> loopback = words.optional("loopback");
        if (tap.isPresent() && loopback.isPresent()) {
            throw new IllegalArgumentException("'loopback=' goes with user only; the host decides about a TAP");
        }
        return new NetOption(tap.orElse(null), words.optional("mac").map(NetOption::mac).orElse(null),
                loopback.map(NetOption::address).orElse(null),
                words.choice("transport", VirtioTransport.PCI, VirtioTransport::named, VirtioTransport.NAMES),
                words.isOn("packed", true));
    }

    private static MacAddress mac(String text) {
        try {
            MacAddress mac = MacAddress.parse(text);
            if (!mac.isMulticast()) {
                return mac;
            }
        } catch (RuntimeException noAddress) {
            // Said below, as for a group's address.
        }
        throw new IllegalArgumentException("'mac=" + text + "' is not the address of a card, as 52:54:00:12:34:56 is");
    }

    private static InetAddress address(String text) {
        try {
            return IpPrefix.address(text);
        } catch (RuntimeException noAddress) {
            throw new IllegalArgumentException("'loopback=" + text + "' is not an address, as 10.0.2.4 is", noAddress);
        }
    }

    /** For the command line. */
    public static final class Converter implements ITypeConverter<NetOption> {
        @Override
        public NetOption convert(String text) {
            try {
                return parse(text);
            } catch (IllegalArgumentException wrong) {
                throw new TypeConversionException(wrong.getMessage());
            }
        }
    }
}
