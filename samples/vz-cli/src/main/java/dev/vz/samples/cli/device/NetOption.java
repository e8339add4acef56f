package dev.vz.samples.cli.device;

import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A network card of the guest's.
 *
 * @param peer      what is at the other end
 * @param mac       the card's address; {@code null} for one that vz chooses
 * @param transport how the guest reaches the card
 * @param packed    whether the guest may use packed rings
 */
public record NetOption(Peer peer, @Nullable MacAddress mac, VirtioTransport transport, boolean packed) {

    /** What a network card is connected with. */
    public sealed interface Peer {}

    /**
     * A network of the guest's own, whose gateway passes its connections on through sockets of this process.
     *
     * @param loopback what the guest calls the host's loopback; {@code null} if it cannot reach it
     */
    public record User(@Nullable InetAddress loopback) implements Peer {}

    /**
     * A TAP interface of the host's.
     *
     * @param name the interface's name
     */
    public record Tap(String name) implements Peer {}

    /**
     * A switch in another process, {@code vz switch} for example.
     *
     * @param socket the Unix socket at which it takes ports, frame by frame behind their lengths
     */
    public record Switch(Path socket) implements Peer {}

    /**
     * A back end of vhost-user in another process, {@code vz vhost-user net} or a DPDK switch for example. It sees the
     * guest's memory.
     *
     * @param socket the Unix socket at which it listens
     */
    public record BackEnd(Path socket) implements Peer {}

    /**
     * A network of the host's that {@code vz net start} has started.
     *
     * @param name the network's name
     */
    public record Network(String name) implements Peer {}

    private static final String USER = "user";
    private static final Set<String> KEYS = new TreeSet<>(
            Set.of("kind", "tap", "switch", "network", "vhost-user", "mac", "loopback", "transport", "packed"));

    /**
     * The card that {@code text} describes.
     *
     * @throws IllegalArgumentException saying what is wrong with it
     */
    public static NetOption parse(String text) {
        var words = new OptionWords(text, "kind", KEYS);
        Optional<String> loopback = words.optional("loopback");
        Peer peer = peer(text, words, loopback);
        if (loopback.isPresent() && !(peer instanceof User)) {
            throw new IllegalArgumentException("'loopback=' goes with user only; others decide for themselves");
        }
        return new NetOption(peer, words.optional("mac").map(NetOption::mac).orElse(null),
                words.choice("transport", VirtioTransport.PCI, VirtioTransport::named, VirtioTransport.NAMES),
                words.isOn("packed", true));
    }

    private static Peer peer(String text, OptionWords words, Optional<String> loopback) {
        List<Peer> peers = Stream.of(
                words.optional("kind").filter(USER::equals)
                        .map(_ -> new User(loopback.map(NetOption::address).orElse(null))),
                words.optional("tap").filter(name -> !name.isEmpty()).map(Tap::new),
                words.optional("switch").filter(path -> !path.isEmpty()).map(path -> new Switch(Path.of(path))),
                words.optional("network").filter(name -> !name.isEmpty()).map(Network::new),
                words.optional("vhost-user").filter(path -> !path.isEmpty()).map(path -> new BackEnd(Path.of(path))))
                .flatMap(each -> each.<Peer>map(peer -> peer).stream()).toList();
        boolean strange = words.optional("kind").filter(kind -> !kind.equals(USER)).isPresent();
        if (strange || peers.size() != 1) {
            throw new IllegalArgumentException(
                    "'" + text
                    + "' starts with none of user, tap=IF, switch=SOCKET, network=NAME and vhost-user=SOCKET");
        }
        return peers.getFirst();
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
