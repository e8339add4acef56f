package dev.vz.net.network;

import dev.vz.error.ConfigurationException;
import dev.vz.link.LinkPort;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.PortVlans;
import dev.vz.net.bridge.SwitchPort;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkDefinition.PortGroup;
import dev.vz.net.definition.NetworkDefinition.Vlans;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A network that works on a switch of this process. Any thread may call; it ends with its plane's
 * {@link SwitchPlane#deactivate}.
 */
public final class SwitchNetwork {

    private final NetworkDefinition definition;
    private final VirtualSwitch network;

    SwitchNetwork(NetworkDefinition definition, VirtualSwitch network) {
        this.definition = definition;
        this.network = network;
    }

    /** What it is. */
    public NetworkDefinition definition() {
        return definition;
    }

    /** Its switch. */
    public VirtualSwitch network() {
        return network;
    }

    /**
     * Connects a guest, which becomes the switch's: it is trusted with nothing, and in the VLANs of its port group.
     *
     * @param portGroup the kind of guest; {@code null} for the network's default
     * @throws ConfigurationException if there is no such port group
     */
    public SwitchPort connect(LinkPort guest, @Nullable String portGroup) {
        return connect(guest, portGroup, PortSettings.guest());
    }

    /** Connects a guest that is treated as {@code settings} say, apart from its VLANs. */
    public SwitchPort connect(LinkPort guest, @Nullable String portGroup, PortSettings settings) {
        return network.add(guest, settings.withVlans(vlans(portGroup)));
    }

    private PortVlans vlans(@Nullable String name) {
        Optional<PortGroup> group = definition.portGroups().stream()
                .filter(each -> name == null ? each.isDefault() : each.name().equals(name)).findFirst();
        if (name != null && group.isEmpty()) {
            throw new ConfigurationException("Network " + definition.name() + " has no port group \"" + name
                    + "\"; it has " + definition.portGroups().stream().map(PortGroup::name).toList());
        }
        Vlans own = group.map(PortGroup::vlans).orElse(null);
        Vlans vlans = own == null ? definition.vlans() : own;
        if (vlans == null) {
            return PortVlans.access(PortVlans.DEFAULT);
        }
        return vlans.trunk()
                ? PortVlans.trunk(vlans.untagged(), vlans.tags().stream().mapToInt(Integer::intValue).toArray())
                : PortVlans.access(vlans.tags().getFirst());
    }
}
