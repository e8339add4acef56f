package dev.vz.net.network;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.net.definition.AddressDefinition;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkDefinition.Bridge;
import dev.vz.net.definition.NetworkDefinition.Mode;
import dev.vz.net.definition.RouteDefinition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Networks made of the kernel's bridge and nftables, by ip(8) and nft(8), in the network namespace of the calling thread.
 * Takes CAP_NET_ADMIN. What is active lives in the kernel: it outlasts this process, and any other can end it.
 */
public final class KernelPlane implements NetworkPlane {

    private static final Pattern INTERFACE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}");

    private final Tool ip = new Tool("ip", "iproute2");
    private final Tool nft = new Tool("nft", "nftables");

    /** The kernel of this host. */
    public KernelPlane() {}

    @Override
    public void activate(NetworkDefinition network) {
        String bridge = bridge(network);
        if (isForeign(network)) {
            if (!isActive(network)) {
                throw new ConfigurationException("Network " + network.name() + " uses the bridge " + bridge
                        + ", which is not there; make it first");
            }
            return;
        }
        boolean done = false;
        try {
            makeBridge(network, bridge);
            KernelRules rules = new KernelRules(network, bridge);
            if (!rules.isEmpty()) {
                nft.feed(rules.text(), "-f", "-");
            }
            if (network.forward() != null) {
                allowForwarding(network);
            }
            done = true;
        } finally {
            if (!done) {
                deactivate(network);
            }
        }
    }

    private void makeBridge(NetworkDefinition network, String bridge) {
        Bridge settings = network.bridge();
        boolean tree = settings == null || settings.spanningTree();
        int delay = settings == null ? 0 : settings.delay();
        // In one command: the kernel takes any delay before the tree is switched on, and lengthens it then to the two
        // seconds that IEEE 802.1D demands. Without it guests would wait for half a minute.
        ip.run("link", "add", "name", bridge, "type", "bridge", "forward_delay", Integer.toString(delay * 100),
                "stp_state", tree ? "1" : "0");
        if (network.mac() != null) {
            ip.run("link", "set", bridge, "address", network.mac().toString());
        }
        if (network.mtu() != 0) {
            ip.run("link", "set", bridge, "mtu", Integer.toString(network.mtu()));
        }
        for (AddressDefinition each : network.addresses()) {
            var words = new ArrayList<>(List.of("address", "add", each.address().toString(), "dev", bridge));
            if (!each.address().isIpv4()) {
                // Nobody else can have it: the network is ours.
                words.add("nodad");
            } else {
                words.addAll(List.of("broadcast", each.address().last().getHostAddress()));
            }
            ip.run(words.toArray(String[]::new));
        }
        ip.run("link", "set", bridge, "up");
        for (RouteDefinition route : network.routes()) {
            var words = new ArrayList<>(List.of(route.destination().isIpv4() ? "-4" : "-6", "route", "add",
                    route.destination().normalized().toString(), "via", route.gateway().getHostAddress(), "dev",
                    bridge));
            if (route.metric() > 0) {
                words.addAll(List.of("metric", Integer.toString(route.metric())));
            }
            ip.run(words.toArray(String[]::new));
        }
    }

    private static void allowForwarding(NetworkDefinition network) {
        boolean ipv4 = network.addresses().stream().anyMatch(each -> each.address().isIpv4());
        boolean ipv6 = network.addresses().stream().anyMatch(each -> !each.address().isIpv4());
        if (ipv4) {
            set(Path.of("/proc/sys/net/ipv4/ip_forward"));
        }
        if (ipv6) {
            set(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"));
        }
    }

    private static void set(Path setting) {
        try {
            if (!Files.readString(setting).strip().equals("1")) {
                Files.writeString(setting, "1");
            }
        } catch (IOException failure) {
            throw new HostException("letting the kernel forward packets by", setting.toString(), failure);
        }
    }

    /**
     * Connects an interface of this host, such as a guest's TAP, with a network that works, and switches it on. It leaves
     * the network with its end.
     *
     * @throws LifecycleException if the network is not active
     */
    public void connect(NetworkDefinition network, String interfaceName) {
        if (!isActive(network)) {
            throw new LifecycleException("Network " + network.name() + " is not active, so that " + interfaceName
                    + " cannot be connected with it; start it first");
        }
        ip.run("link", "set", checked(interfaceName), "master", bridge(network), "up");
    }

    @Override
    public void deactivate(NetworkDefinition network) {
        if (isForeign(network)) {
            return;
        }
        String bridge = bridge(network);
        VzException first = null;
        if (nft.succeeds("list", "table", "inet", KernelRules.table(bridge))) {
            try {
                nft.run("delete", "table", "inet", KernelRules.table(bridge));
            } catch (VzException failure) {
                first = failure;
            }
        }
        if (isActive(network)) {
            ip.run("link", "delete", bridge, "type", "bridge");
        }
        if (first != null) {
            throw first;
        }
    }

    @Override
    public boolean isActive(NetworkDefinition network) {
        Bridge settings = network.bridge();
        return settings != null && settings.name() != null
                && ip.succeeds("link", "show", "dev", bridge(network), "type", "bridge");
    }

    private static boolean isForeign(NetworkDefinition network) {
        return network.forward() != null && network.forward().mode() == Mode.BRIDGE;
    }

    private static String bridge(NetworkDefinition network) {
        Bridge settings = network.bridge();
        String name = settings == null ? null : settings.name();
        if (name == null) {
            throw new ConfigurationException("Network " + network.name() + " has no bridge yet; define it first");
        }
        return checked(name);
    }

    /** {@code name} if it is an interface's: it goes into commands and rules. */
    static String checked(String name) {
        if (!INTERFACE.matcher(name).matches()) {
            throw new ConfigurationException(
                    "The name of a network interface has 1 to 15 letters, digits, dots, dashes "
                            + "and underscores here, not \"" + name + "\"");
        }
        return name;
    }
}
