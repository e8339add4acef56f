package dev.vz.net.definition;

import dev.vz.net.definition.NetworkDefinition.Bridge;
import dev.vz.net.definition.NetworkDefinition.Forward;
import dev.vz.net.definition.NetworkDefinition.PortGroup;
import dev.vz.net.definition.NetworkDefinition.Vlans;
import java.net.InetAddress;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** From a definition to text, in the order and indentation of virsh net-dumpxml. */
final class NetworkXmlWriter {

    private final StringBuilder out = new StringBuilder();
    private int depth;

    String network(NetworkDefinition network) {
        open("network");
        text("name", network.name());
        if (network.uuid() != null) {
            text("uuid", network.uuid().toString());
        }
        if (network.forward() != null) {
            forward(network.forward());
        }
        Bridge bridge = network.bridge();
        if (bridge != null) {
            boolean own = network.forward() == null || network.forward().mode() != NetworkDefinition.Mode.BRIDGE;
            empty("bridge", "name", bridge.name(), "stp", own ? yes(bridge.spanningTree()) : null, "delay",
                    own ? bridge.delay() : null);
        }
        if (network.mtu() != 0) {
            empty("mtu", "size", network.mtu());
        }
        if (network.mac() != null) {
            empty("mac", "address", network.mac());
        }
        if (network.domain() != null) {
            empty("domain", "name", network.domain().name(), "localOnly",
                    network.domain().localOnly() ? "yes" : null);
        }
        if (network.dns() != null) {
            dns(network.dns());
        }
        if (network.vlans() != null) {
            vlans(network.vlans());
        }
        network.addresses().forEach(this::address);
        network.routes().forEach(this::route);
        network.portGroups().forEach(this::portGroup);
        close("network");
        return out.toString();
    }

    private void forward(Forward forward) {
        String mode = forward.mode().name().toLowerCase(Locale.ROOT);
        if (forward.nat() == null && forward.device() == null) {
            empty("forward", "mode", mode);
            return;
        }
        open("forward", "dev", forward.device(), "mode", mode);
        if (forward.nat() != null) {
            open("nat", "ipv6", forward.nat().ipv6() ? "yes" : null);
            if (forward.nat().lastPort() != 0) {
                empty("port", "start", forward.nat().firstPort(), "end", forward.nat().lastPort());
            }
            close("nat");
        }
        if (forward.device() != null) {
            empty("interface", "dev", forward.device());
        }
        close("forward");
    }

    private void dns(DnsDefinition dns) {
        open("dns", "enable", dns.enabled() ? null : "no", "forwardPlainNames",
                dns.forwardPlainNames() ? null : "no");
        dns.forwarders().forEach(each -> empty("forwarder", "domain", each.domain(), "addr", host(each.address())));
        dns.texts().forEach(each -> empty("txt", "name", each.name(), "value", each.value()));
        dns.services().forEach(each -> empty("srv", "service", each.service(), "protocol", each.protocol(), "domain",
                each.domain(), "target", each.target(), "port", number(each.port()), "priority",
                number(each.priority()), "weight", number(each.weight())));
        for (DnsDefinition.Host host : dns.hosts()) {
            open("host", "ip", host(host.address()));
            host.names().forEach(name -> text("hostname", name));
            close("host");
        }
        close("dns");
    }

    private void vlans(Vlans vlans) {
        open("vlan", "trunk", vlans.trunk() ? "yes" : null);
        vlans.tags().forEach(tag -> empty("tag", "id", tag, "nativeMode",
                tag == vlans.untagged() ? "untagged" : null));
        close("vlan");
    }

    private void address(AddressDefinition address) {
        boolean ipv4 = address.address().isIpv4();
        open("ip", "family", ipv4 ? null : "ipv6", "address", host(address.address().address()), "netmask",
                ipv4 ? host(address.address().netmask()) : null, "prefix", ipv4 ? null : address.address().length());
        if (address.tftpRoot() != null) {
            empty("tftp", "root", address.tftpRoot());
        }
        if (!address.dhcpRanges().isEmpty() || !address.dhcpHosts().isEmpty() || address.bootFile() != null) {
            open("dhcp");
            address.dhcpRanges()
                    .forEach(range -> empty("range", "start", host(range.start()), "end", host(range.end())));
            address.dhcpHosts().forEach(each -> empty("host", "id", each.identifier(), "mac", each.mac(), "name",
                    each.name(), "ip", host(each.address())));
            if (address.bootFile() != null) {
                empty("bootp", "file", address.bootFile(), "server", host(address.bootServer()));
            }
            close("dhcp");
        }
        close("ip");
    }

    private void route(RouteDefinition route) {
        empty("route", "family", route.destination().isIpv4() ? null : "ipv6", "address",
                host(route.destination().address()), "prefix", route.destination().length(), "gateway",
                host(route.gateway()), "metric", number(route.metric()));
    }

    private void portGroup(PortGroup group) {
        open("portgroup", "name", group.name(), "default", group.isDefault() ? "yes" : null);
        if (group.vlans() != null) {
            vlans(group.vlans());
        }
        close("portgroup");
    }

    private static String yes(boolean value) {
        return value ? "on" : "off";
    }

    private static @Nullable Integer number(int value) {
        return value == 0 ? null : value;
    }

    private static @Nullable String host(@Nullable InetAddress address) {
        return address == null ? null : address.getHostAddress();
    }

    private void text(String name, String value) {
        indent().append('<').append(name).append('>').append(escape(value)).append("</").append(name).append(">\n");
    }

    private void empty(String name, @Nullable Object... attributes) {
        start(name, attributes).append("/>\n");
    }

    private void open(String name, @Nullable Object... attributes) {
        start(name, attributes).append(">\n");
        depth++;
    }

    private void close(String name) {
        depth--;
        indent().append("</").append(name).append(">\n");
    }

    private StringBuilder start(String name, @Nullable Object... attributes) {
        indent().append('<').append(name);
        for (int i = 0; i < attributes.length; i += 2) {
            Object value = attributes[i + 1];
            if (value != null) {
                out.append(' ').append(attributes[i]).append("='").append(escape(value.toString())).append('\'');
            }
        }
        return out;
    }

    private StringBuilder indent() {
        return out.append("  ".repeat(depth));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&apos;").replace("\"",
                "&quot;");
    }
}
