package dev.vz.hypervisor;

import java.util.Set;

/**
 * A back end: something that can run virtual CPUs. Found through {@link java.util.ServiceLoader}; see
 * {@link Hypervisors}.
 *
 * <p>
 * A hypervisor holds no resources worth closing; what it opens belongs to the machines it creates. Thread-safe.
 *
 * <p>
 * Who writes one proves it with the conformance kit in the tests jar of vz-api: a test class that extends
 * {@code dev.vz.conformance.HypervisorConformance} and returns the back end from one method runs some hundred small guests
 * against it. What the back end announces in {@link #capabilities()} it has to pass; the rest is skipped and counted.
 */
public interface Hypervisor {

    /** A short lower-case name by which people choose it: {@code "kvm"}, {@code "emulator"}. */
    String name();

    /** Which back end wins where several are available: the higher. Hardware is 100, the software CPU 10. */
    int priority();

    /** Looks whether it can be used here. Does not throw and takes at most a few milliseconds. */
    Availability availability();

    /**
     * What it can do here.
     *
     * @throws dev.vz.error.VzException if it is not available; the message is that of {@link #availability()}
     */
    Set<Capability> capabilities();

    /**
     * Why {@code capability} is not among {@link #capabilities()} here, as a clause that can follow a colon; empty where
     * there is nothing to say beyond that, or where it is among them.
     */
    default String reasonWithout(Capability capability) {
        return "";
    }

    /**
     * Makes an empty machine: memory, no vCPUs.
     *
     * @throws dev.vz.error.CapabilityException    if {@code config} asks for what {@link #capabilities()} lacks
     * @throws dev.vz.error.ConfigurationException if {@code config} cannot be
     * @throws dev.vz.error.HostException          if the host refuses
     */
    VirtualMachine createVirtualMachine(VirtualMachineConfig config);
}
