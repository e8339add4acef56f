package dev.vz.net.network;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.PortVlans;
import dev.vz.net.bridge.SwitchLoop;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkDefinition.Mode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Networks made of the switch of this library, in this process and without privileges. What is active ends with this object.
 * Any thread may call.
 */
public final class SwitchPlane implements NetworkPlane, AutoCloseable {

    private static final int STANDARD_MTU = 1500;

    private record Active(SwitchNetwork network, SwitchLoop timer, NetworkServices.Service service) {}

    private final EpollLoop loop;
    private final NetworkServices services;
    private final Map<String, Active> active = new HashMap<>();
    private boolean closed;

    /**
     * A plane without networks.
     *
     * @param loop     lets the switches' time pass; stays the caller's
     * @param services what the networks offer
     */
    public SwitchPlane(EpollLoop loop, NetworkServices services) {
        this.loop = loop;
        this.services = services;
    }

    @Override
    public synchronized void activate(NetworkDefinition network) {
        if (closed || active.containsKey(network.name())) {
            throw new LifecycleException("Network " + network.name() + " cannot be started: "
                    + (closed ? "its plane is closed" : "it is active already"));
        }
        if (network.forward() != null && network.forward().mode() == Mode.BRIDGE) {
            throw new ConfigurationException("Network " + network.name()
                    + " uses a bridge of the kernel's; start it on the kernel's plane");
        }
        SwitchSettings settings = SwitchSettings.standard();
        MacAddress mac = network.mac();
        if (network.bridge() != null && network.bridge().spanningTree() && mac != null) {
            settings = settings.withSpanningTree(mac, 32768);
        }
        var made = new VirtualSwitch(network.name(), settings);
        boolean done = false;
        try {
            int mtu = network.mtu() == 0 ? STANDARD_MTU : network.mtu();
            var cable = new LinkPair(network.name() + " host", LinkFeatures.all().withMtu(mtu));
            // The host is in the VLAN of everybody who is in none, and no bridge is behind it.
            made.add(cable.a(), PortSettings.standard().withTrust(true, true, false)
                    .withVlans(PortVlans.access(PortVlans.DEFAULT)));
            NetworkServices.Service service = services.offer(network, cable.b());
            active.put(network.name(),
                    new Active(new SwitchNetwork(network, made), new SwitchLoop(made, loop), service));
            done = true;
        } finally {
            if (!done) {
                made.close();
            }
        }
    }

    @Override
    public synchronized void deactivate(NetworkDefinition network) {
        Active found = active.remove(network.name());
        if (found != null) {
            end(found);
        }
    }

    private static void end(Active found) {
        try {
            found.service().close();
        } finally {
            found.timer().close();
            found.network().network().close();
        }
    }

    @Override
    public synchronized boolean isActive(NetworkDefinition network) {
        return active.containsKey(network.name());
    }

    /** The network of that name, if it is active. */
    public synchronized Optional<SwitchNetwork> find(String name) {
        return Optional.ofNullable(active.get(name)).map(Active::network);
    }

    @Override
    public synchronized void close() {
        closed = true;
        active.values().forEach(SwitchPlane::end);
        active.clear();
    }
}
