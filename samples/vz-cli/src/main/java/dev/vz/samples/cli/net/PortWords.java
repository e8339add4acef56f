package dev.vz.samples.cli.net;

import dev.vz.error.VzException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.AddressGuard;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.PortVlans;
import dev.vz.net.bridge.RateLimit;
import dev.vz.net.bridge.StormLimits;
import dev.vz.net.port.VxlanEndpoint;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A port as the command line describes it: {@code KIND=WHERE[,SETTING[=VALUE]]…}.
 *
 * @param kind     tap, macvtap, listen, connect, dgram or vxlan
 * @param where    the interface's name, the socket's path, or the tunnel's VNI and ends
 * @param settings how the switch treats it
 * @param mtu      of a socket's port; a TAP has its own
 * @param mirror   whether it gets a copy of everything
 */
record PortWords(Kind kind, String where, PortSettings settings, int mtu, boolean mirror) {

    enum Kind {
        TAP, MACVTAP, LISTEN, CONNECT, DGRAM, VXLAN
    }

    static final class Converter implements ITypeConverter<PortWords> {
        @Override
        public PortWords convert(String text) {
            try {
                return parse(text);
            } catch (NumberFormatException wrong) {
                throw new TypeConversionException("'" + text + "': " + wrong.getMessage() + " is no number");
            } catch (VzException wrong) {
                throw new TypeConversionException("'" + text + "': " + wrong.getMessage());
            }
        }
    }

    private static PortWords parse(String text) {
        String[] words = text.split(",", -1);
        int equals = words[0].indexOf('=');
        String kind = equals < 0 ? words[0] : words[0].substring(0, equals);
        Kind found = Arrays.stream(Kind.values()).filter(each -> each.name().equalsIgnoreCase(kind)).findFirst()
                .orElseThrow(() -> new TypeConversionException("'" + text + "' starts with none of tap=, macvtap=, "
                        + "listen=, connect=, dgram= and vxlan="));
        if (equals < 0 || equals == words[0].length() - 1) {
            throw new TypeConversionException("'" + text + "' does not say where, as tap=tap0 or listen=/run/s does");
        }
        var macs = new ArrayList<MacAddress>();
        List<IpPrefix> addresses = new ArrayList<>();
        boolean anyAddress = true;
        boolean mirror = false;
        int mtu = found == Kind.VXLAN ? 1500 - VxlanEndpoint.OVERHEAD : 1500;
        PortSettings settings = PortSettings.standard();
        // First, because the words beside it refine it.
        if (Arrays.asList(words).contains("guest")) {
            settings = PortSettings.guest();
        }
        for (int i = 1; i < words.length; i++) {
            int split = words[i].indexOf('=');
            String name = split < 0 ? words[i] : words[i].substring(0, split);
            String value = split < 0 ? null : words[i].substring(split + 1);
            switch (name) {
                case "guest" -> none(name, value);
                case "isolated" -> {
                    none(name, value);
                    settings = settings.withIsolation(true);
                }
                case "mirror" -> {
                    none(name, value);
                    mirror = true;
                }
                case "vlan" -> settings = settings.withVlans(PortVlans.access(Integer.parseInt(some(name, value))));
                case "trunk" -> settings = settings.withVlans(trunk(some(name, value)));
                case "group" -> settings = settings.withGroup(Integer.parseInt(some(name, value)));
                case "mac" -> macs.add(MacAddress.parse(some(name, value)));
                case "ip" -> {
                    addresses.add(IpPrefix.parse(some(name, value)));
                    anyAddress = false;
                }
                case "storm" -> settings = settings
                        .withStorms(StormLimits.framesPerSecond(Long.parseLong(some(name, value))));
                case "receive-rate" -> settings = settings.withRates(
                        RateLimit.bitsPerSecond(Long.parseLong(some(name, value))), settings.sendLimit());
                case "send-rate" -> settings = settings.withRates(settings.receiveLimit(),
                        RateLimit.bitsPerSecond(Long.parseLong(some(name, value))));
                case "mtu" -> mtu = Integer.parseInt(some(name, value));
                default -> throw new TypeConversionException("'" + name + "' is not something a port has; see --help");
            }
        }
        if (!anyAddress && macs.isEmpty()) {
            throw new TypeConversionException("'" + text + "' guards IP addresses without saying whose: add mac=");
        }
        if (!macs.isEmpty()) {
            settings = settings.withGuard(anyAddress ? AddressGuard.of(macs) : AddressGuard.of(macs, addresses));
        }
        var port = new PortWords(found, words[0].substring(equals + 1), settings, mtu, mirror);
        if (found == Kind.VXLAN) {
            port.tunnel();
        }
        return port;
    }

    /**
     * Where a tunnel leads.
     *
     * @param port the other end's, and ours
     */
    record Tunnel(int vni, InetAddress local, InetAddress remote, int port) {}

    /** {@code VNI/LOCAL/REMOTE[/PORT]}, of a port of that kind. */
    Tunnel tunnel() {
        String[] parts = where.split("/", -1);
        if (parts.length < 3 || parts.length > 4) {
            throw new TypeConversionException("'" + where + "' is not like 42/192.0.2.1/192.0.2.2");
        }
        return new Tunnel(Integer.parseInt(parts[0]), IpPrefix.address(parts[1]), IpPrefix.address(parts[2]),
                parts.length > 3 ? Integer.parseInt(parts[3]) : VxlanEndpoint.PORT);
    }

    /** {@code all}, {@code 10/20/30}, or with the VLAN without a tag first: {@code 1:10/20}. */
    private static PortVlans trunk(String text) {
        int colon = text.indexOf(':');
        int untagged = colon < 0 ? 0 : Integer.parseInt(text.substring(0, colon));
        String list = text.substring(colon + 1);
        return list.equals("all")
                ? PortVlans.trunkOfAll(untagged)
                : PortVlans.trunk(untagged, Arrays.stream(list.split("/")).mapToInt(Integer::parseInt).toArray());
    }

    private static String some(String name, @Nullable String value) {
        if (value == null || value.isEmpty()) {
            throw new TypeConversionException("'" + name + "' needs a value: " + name + "=…");
        }
        return value;
    }

    private static void none(String name, @Nullable String value) {
        if (value != null) {
            throw new TypeConversionException("'" + name + "' takes no value");
        }
    }
}
