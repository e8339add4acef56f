package dev.vz.net.network;

import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.net.definition.NetworkDefinition;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The networks of a store on a data plane: what virsh's net- commands do. Any thread may call.
 */
public final class Networks {

    /**
     * A network as it is now.
     *
     * @param definition  what it is to be
     * @param isActive    whether it works now
     * @param isAutostart whether it starts by itself
     */
    public record Status(NetworkDefinition definition, boolean isActive, boolean isAutostart) {}

    private final NetworkStore store;
    private final NetworkPlane plane;

    /** The networks of {@code store} on {@code plane}. */
    public Networks(NetworkStore store, NetworkPlane plane) {
        this.store = store;
        this.plane = plane;
    }

    /**
     * Keeps a definition; see {@link NetworkStore#define}.
     *
     * @throws LifecycleException if a network of that name is active
     */
    public NetworkDefinition define(NetworkDefinition network) {
        store.find(network.name()).ifPresent(before -> requireInactive(before, "defined anew"));
        return store.define(network);
    }

    /**
     * Lets a network work.
     *
     * @throws LifecycleException if it does already
     */
    public void activate(String name) {
        NetworkDefinition network = store.require(name);
        requireInactive(network, "started");
        plane.activate(network);
    }

    /**
     * Ends a network's work; its definition stays.
     *
     * @throws LifecycleException if it does not work
     */
    public void destroy(String name) {
        NetworkDefinition network = store.require(name);
        if (!plane.isActive(network)) {
            throw new LifecycleException("Network " + name + " is not active; there is nothing to destroy");
        }
        plane.deactivate(network);
    }

    /**
     * Forgets a network.
     *
     * @throws LifecycleException if it is active
     */
    public void undefine(String name) {
        requireInactive(store.require(name), "undefined");
        store.undefine(name);
    }

    /** Says whether a network starts by itself. */
    public void setAutostart(String name, boolean on) {
        store.setAutostart(name, on);
    }

    /**
     * Starts every network that starts by itself and is not active yet.
     *
     * @return what became of those that could not be started; empty if all could
     */
    public Map<String, VzException> activateMarked() {
        var failures = new LinkedHashMap<String, VzException>();
        for (Status status : list()) {
            if (status.isAutostart() && !status.isActive()) {
                try {
                    plane.activate(status.definition());
                } catch (VzException failure) {
                    // The others are not to suffer from one whose interface is missing today.
                    failures.put(status.definition().name(), failure);
                }
            }
        }
        return failures;
    }

    /** All networks, by name. */
    public List<Status> list() {
        return store.list().stream().map(this::status).toList();
    }

    /** One network. */
    public Status find(String name) {
        return status(store.require(name));
    }

    private Status status(NetworkDefinition network) {
        return new Status(network, plane.isActive(network), store.isAutostart(network.name()));
    }

    private void requireInactive(NetworkDefinition network, String verb) {
        if (plane.isActive(network)) {
            throw new LifecycleException("Network " + network.name() + " is active; it cannot be " + verb
                    + " before it is destroyed");
        }
    }
}
