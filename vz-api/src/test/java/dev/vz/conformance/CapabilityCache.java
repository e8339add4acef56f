package dev.vz.conformance;

import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Asks each back end once: finding out may take a probe. */
final class CapabilityCache {

    private static final Map<String, Set<Capability>> KNOWN = new ConcurrentHashMap<>();

    private CapabilityCache() {}

    static Set<Capability> of(Hypervisor hypervisor) {
        return KNOWN.computeIfAbsent(hypervisor.name(), name -> hypervisor.capabilities());
    }
}
