package dev.vz.net.definition;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.definition.NetworkDefinition.Bridge;
import dev.vz.net.definition.NetworkDefinition.Domain;
import dev.vz.net.definition.NetworkDefinition.Forward;
import dev.vz.net.definition.NetworkDefinition.Mode;
import dev.vz.net.definition.NetworkDefinition.Nat;
import dev.vz.net.definition.NetworkDefinition.PortGroup;
import dev.vz.net.definition.NetworkDefinition.Vlans;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;

/** From elements to a definition. */
final class NetworkXmlReader {

    private final XmlElement root;

    NetworkXmlReader(Element root) {
        this.root = new XmlElement(root);
    }

    NetworkDefinition network() {
        if (!root.name().equals("network")) {
            throw new FormatException("A network's XML starts with <network>, not <" + root.name() + ">");
        }
        String name = root.childText("name");
        if (name == null || name.isEmpty()) {
            throw new FormatException("A network's XML: <network> lacks a <name>");
        }
        // What libvirt adds to a running network's XML, and what is for people and other programs only.
        root.attribute("connections");
        root.attribute("ipv6");
        root.pass("metadata");
        root.pass("title");
        root.pass("description");
        String uuid = root.childText("uuid");
        XmlElement mac = root.child("mac");
        XmlElement mtu = root.child("mtu");
        var result = new NetworkDefinition(name, uuid == null ? null : uuid(uuid), forward(root.child("forward")),
                bridge(root.child("bridge")), mac == null ? null : mac.required("address", MacAddress::parse),
                mtu == null ? 0 : mtu.required("size", Integer::valueOf), domain(root.child("domain")),
                dns(root.child("dns")), vlans(root.child("vlan")), each(root.children("ip"), this::address),
                each(root.children("route"), this::route), each(root.children("portgroup"), this::portGroup));
        root.finish();
        return result;
    }

    private static <T> List<T> each(List<XmlElement> elements, Function<XmlElement, T> reader) {
        return new ArrayList<>(elements.stream().map(reader).toList());
    }

    private static UUID uuid(String text) {
        try {
            return UUID.fromString(text);
        } catch (IllegalArgumentException wrong) {
            throw new FormatException("A network's XML: \"" + text + "\" is no UUID", wrong);
        }
    }

    private @Nullable Forward forward(@Nullable XmlElement element) {
        if (element == null) {
            return null;
        }
        String text = element.attribute("mode");
        Mode mode = text == null ? Mode.NAT : switch (text) {
            case "nat" -> Mode.NAT;
            case "route" -> Mode.ROUTE;
            case "open" -> Mode.OPEN;
            case "bridge" -> Mode.BRIDGE;
            case "none" -> null;
            default ->
                    throw new FormatException("A network's XML: the forward mode is nat, route, open or bridge, not \""
                            + text + "\"");
        };
        String device = element.attribute("dev");
        for (XmlElement each : element.children("interface")) {
            String named = each.required("dev", Function.identity());
            each.attribute("connections");
            each.finish();
            if (device != null && !device.equals(named)) {
                throw new FormatException("A network's XML: <forward> uses one interface, not both " + device + " and "
                        + named);
            }
            device = named;
        }
        XmlElement nat = element.child("nat");
        Nat details = nat == null ? null : nat(nat);
        element.finish();
        return mode == null ? null : new Forward(mode, device, details);
    }

    private static Nat nat(XmlElement element) {
        boolean ipv6 = element.flag("ipv6", false);
        XmlElement port = element.child("port");
        int first = port == null ? 0 : port.number("start", 0);
        int last = port == null ? 0 : port.number("end", 0);
        element.finish();
        return new Nat(first, last, ipv6);
    }

    private static @Nullable Bridge bridge(@Nullable XmlElement element) {
        if (element == null) {
            return null;
        }
        var bridge = new Bridge(element.attribute("name"), element.flag("stp", true), element.number("delay", 0));
        element.finish();
        return bridge;
    }

    private static @Nullable Domain domain(@Nullable XmlElement element) {
        if (element == null) {
            return null;
        }
        var domain = new Domain(element.required("name", Function.identity()), element.flag("localOnly", false));
        element.finish();
        return domain;
    }

    private static @Nullable DnsDefinition dns(@Nullable XmlElement element) {
        if (element == null) {
            return null;
        }
        var result = new DnsDefinition(element.flag("enable", true), element.flag("forwardPlainNames", true),
                each(element.children("forwarder"), NetworkXmlReader::forwarder),
                each(element.children("host"), NetworkXmlReader::dnsHost),
                each(element.children("txt"), NetworkXmlReader::dnsText),
                each(element.children("srv"), NetworkXmlReader::service));
        element.finish();
        return result;
    }

    private static DnsDefinition.Forwarder forwarder(XmlElement element) {
        var result = new DnsDefinition.Forwarder(element.attribute("domain"),
                element.attribute("addr", IpPrefix::address));
        element.finish();
        return result;
    }

    private static DnsDefinition.Host dnsHost(XmlElement element) {
        InetAddress address = element.required("ip", IpPrefix::address);
        List<String> names = each(element.children("hostname"), XmlElement::text);
        if (names.isEmpty()) {
            throw new FormatException("A network's XML: the DNS host " + address.getHostAddress() + " has no name");
        }
        element.finish();
        return new DnsDefinition.Host(address, names);
    }

    private static DnsDefinition.Text dnsText(XmlElement element) {
        var result = new DnsDefinition.Text(element.required("name", Function.identity()),
                element.required("value", Function.identity()));
        element.finish();
        return result;
    }

    private static DnsDefinition.Service service(XmlElement element) {
        var result = new DnsDefinition.Service(element.required("service", Function.identity()),
                element.required("protocol", Function.identity()), element.attribute("domain"),
                element.attribute("target"), element.number("port", 0), element.number("priority", 0),
                element.number("weight", 0));
        element.finish();
        return result;
    }

    private static @Nullable Vlans vlans(@Nullable XmlElement element) {
        if (element == null) {
            return null;
        }
        boolean trunk = element.flag("trunk", false);
        var tags = new ArrayList<Integer>();
        int untagged = 0;
        for (XmlElement tag : element.children("tag")) {
            int id = tag.required("id", Integer::valueOf);
            tags.add(id);
            if ("untagged".equals(tag.attribute("nativeMode"))) {
                untagged = id;
            }
            tag.finish();
        }
        element.finish();
        return new Vlans(tags, trunk || tags.size() > 1, untagged);
    }

    private AddressDefinition address(XmlElement element) {
        String family = element.attribute("family");
        InetAddress address = element.required("address", IpPrefix::address);
        boolean ipv4 = address.getAddress().length == 4;
        if (family != null && !family.equals(ipv4 ? "ipv4" : "ipv6")) {
            throw new FormatException("A network's XML: " + address.getHostAddress() + " is not of family " + family);
        }
        XmlElement dhcp = element.child("dhcp");
        List<AddressDefinition.Range> ranges = new ArrayList<>();
        List<AddressDefinition.Host> hosts = new ArrayList<>();
        String file = null;
        InetAddress server = null;
        if (dhcp != null) {
            ranges = each(dhcp.children("range"), NetworkXmlReader::range);
            hosts = each(dhcp.children("host"), NetworkXmlReader::dhcpHost);
            XmlElement boot = dhcp.child("bootp");
            if (boot != null) {
                file = boot.required("file", Function.identity());
                server = boot.attribute("server", IpPrefix::address);
                boot.finish();
            }
            dhcp.finish();
        }
        XmlElement tftp = element.child("tftp");
        var result = new AddressDefinition(new IpPrefix(address, prefixLength(element, ipv4)), ranges, hosts,
                tftp == null ? null : tftp.required("root", Function.identity()), file, server);
        element.finish();
        return result;
    }

    private static int prefixLength(XmlElement element, boolean ipv4) {
        Integer prefix = element.attribute("prefix", Integer::valueOf);
        InetAddress mask = element.attribute("netmask", IpPrefix::address);
        if (prefix != null) {
            return prefix;
        }
        if (mask == null) {
            // libvirt's default for IPv4 is that of the address's class; nobody means that any more.
            return ipv4 ? 24 : 64;
        }
        for (int length = 0; length <= 32; length++) {
            if (new IpPrefix(mask, length).netmask().equals(mask)) {
                return length;
            }
        }
        throw new FormatException("A network's XML: " + mask.getHostAddress() + " is no netmask");
    }

    private static AddressDefinition.Range range(XmlElement element) {
        var result = new AddressDefinition.Range(element.required("start", IpPrefix::address),
                element.required("end", IpPrefix::address));
        element.finish();
        return result;
    }

    private static AddressDefinition.Host dhcpHost(XmlElement element) {
        var result = new AddressDefinition.Host(element.attribute("mac", MacAddress::parse), element.attribute("id"),
                element.attribute("name"), element.required("ip", IpPrefix::address));
        element.finish();
        return result;
    }

    private RouteDefinition route(XmlElement element) {
        element.attribute("family");
        InetAddress address = element.required("address", IpPrefix::address);
        var result = new RouteDefinition(
                new IpPrefix(address, prefixLength(element, address.getAddress().length == 4)),
                element.required("gateway", IpPrefix::address), element.number("metric", 0));
        element.finish();
        if (result.gateway().getAddress().length != address.getAddress().length) {
            throw new ConfigurationException("The route to " + result.destination() + " goes through "
                    + result.gateway().getHostAddress() + ", which is of the other family");
        }
        return result;
    }

    private PortGroup portGroup(XmlElement element) {
        var result = new PortGroup(element.required("name", Function.identity()), element.flag("default", false),
                vlans(element.child("vlan")));
        element.finish();
        return result;
    }
}
