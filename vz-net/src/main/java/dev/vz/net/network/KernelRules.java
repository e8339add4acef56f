package dev.vz.net.network;

import dev.vz.net.definition.AddressDefinition;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkDefinition.Forward;
import dev.vz.net.definition.NetworkDefinition.Mode;
import dev.vz.net.definition.NetworkDefinition.Nat;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The nftables rules of a network: a table of its own, so that one command takes all of them away. What the forward modes
 * let through is what libvirt documents.
 */
final class KernelRules {

    private final NetworkDefinition network;
    private final String bridge;
    private final StringBuilder out = new StringBuilder();

    KernelRules(NetworkDefinition network, String bridge) {
        this.network = network;
        this.bridge = bridge;
    }

    /** The table's name: one for each interface's, in letters that nft takes. */
    static String table(String bridge) {
        return "vz_" + HexFormat.of().formatHex(bridge.getBytes(StandardCharsets.US_ASCII));
    }

    /** Whether the mode needs no rules. */
    boolean isEmpty() {
        Forward forward = network.forward();
        return forward != null && forward.mode() == Mode.OPEN;
    }

    /** What nft reads. */
    String text() {
        Forward forward = network.forward();
        out.append("table inet ").append(table(bridge)).append(" {\n");
        out.append("  chain forward {\n    type filter hook forward priority filter; policy accept;\n");
        // Guests of one network talk to each other over the bridge, and here only if bridged traffic is filtered, too.
        rule("iifname \"%s\" oifname \"%s\" accept".formatted(bridge, bridge));
        if (forward != null) {
            network.addresses().forEach(each -> letThrough(forward, each));
        }
        rule("oifname \"%s\" reject".formatted(bridge));
        rule("iifname \"%s\" reject".formatted(bridge));
        out.append("  }\n");
        if (forward != null && forward.mode() == Mode.NAT) {
            out.append("  chain postrouting {\n    type nat hook postrouting priority srcnat; policy accept;\n");
            network.addresses().forEach(each -> translate(forward, each));
            out.append("  }\n");
        }
        return out.append("}\n").toString();
    }

    private void letThrough(Forward forward, AddressDefinition each) {
        String range = each.address().normalized().toString();
        String family = each.address().isIpv4() ? "ip" : "ip6";
        String in = device("iifname", forward);
        String outwards = device("oifname", forward);
        boolean answersOnly = isTranslated(forward, each);
        rule("iifname \"%s\" %s%s saddr %s accept".formatted(bridge, outwards, family, range));
        rule("%soifname \"%s\" %s daddr %s %saccept".formatted(in, bridge, family, range,
                answersOnly ? "ct state established,related " : ""));
    }

    private void translate(Forward forward, AddressDefinition each) {
        if (!isTranslated(forward, each)) {
            return;
        }
        String range = each.address().normalized().toString();
        String family = each.address().isIpv4() ? "ip" : "ip6";
        String multicast = each.address().isIpv4() ? "{ 224.0.0.0/24, 255.255.255.255 }" : "ff02::/16";
        String outwards = device("oifname", forward);
        rule("%s%s saddr %s %s daddr %s return".formatted(outwards, family, range, family, multicast));
        Nat nat = forward.nat();
        if (nat != null && nat.lastPort() != 0) {
            String ports = nat.firstPort() + "-" + nat.lastPort();
            rule("%smeta l4proto { tcp, udp } %s saddr %s %s daddr != %s masquerade to :%s".formatted(outwards, family,
                    range,
                    family, range, ports));
        }
        rule("%s%s saddr %s %s daddr != %s masquerade".formatted(outwards, family, range, family, range));
    }

    private static boolean isTranslated(Forward forward, AddressDefinition each) {
        @Nullable
        Nat nat = forward.nat();
        return forward.mode() == Mode.NAT && (each.address().isIpv4() || nat != null && nat.ipv6());
    }

    private static String device(String word, Forward forward) {
        return forward.device() == null ? "" : word + " \"" + KernelPlane.checked(forward.device()) + "\" ";
    }

    private void rule(String rule) {
        out.append("    ").append(rule).append('\n');
    }
}
