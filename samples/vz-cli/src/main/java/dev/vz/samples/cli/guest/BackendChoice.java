package dev.vz.samples.cli.guest;

import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import java.util.ArrayList;
import java.util.List;

/**
 * Which back end runs the guest, and why.
 *
 * @param hypervisor  the back end
 * @param explanation one line for people
 */
record BackendChoice(Hypervisor hypervisor, String explanation) {

    private static final String REMEDY = "; kvm needs a processor with AMD-V or VT-x, enabled in the firmware or, in a "
            + "virtual machine, by the host";

    /** The capabilities without which a stock kernel does not boot on {@code cpus} processors. */
    static Capability[] needed(int cpus) {
        return cpus == 1
                ? new Capability[] {Capability.FULL_SYSTEM, Capability.INTERRUPT_CONTROLLER}
                : new Capability[] {Capability.FULL_SYSTEM, Capability.INTERRUPT_CONTROLLER, Capability.SMP};
    }

    /**
     * The best of {@code candidates}, which are given best first.
     *
     * @throws CapabilityException if none will do; the message says of each why not, and what to do
     */
    static BackendChoice automatic(List<Hypervisor> candidates, Capability... needed) {
        var passedOver = new ArrayList<String>();
        boolean weak = false;
        for (Hypervisor candidate : candidates) {
            String missing = Hypervisors.missing(candidate, needed);
            if (missing.isEmpty()) {
                var why = new StringBuilder("backend ").append(candidate.name()).append(" (")
                        .append(description(candidate)).append(')');
                passedOver.forEach(other -> why.append("; not ").append(other));
                return new BackendChoice(candidate, why.toString());
            }
            weak |= candidate.availability().isAvailable();
            passedOver.add(candidate.name() + ": " + missing);
        }
        throw new CapabilityException(passedOver.isEmpty()
                ? "No backend is installed; put vz-kvm or vz-emulator on the module path"
                : "No backend here can run a guest. " + String.join("; ", passedOver)
                        + (weak ? REMEDY : ""));
    }

    /**
     * The one that was named.
     *
     * @throws CapabilityException if it cannot be used; the message says why, and what to do
     */
    static BackendChoice named(List<Hypervisor> candidates, String name, Capability... needed) {
        for (Hypervisor candidate : candidates) {
            if (candidate.name().equals(name)) {
                String missing = Hypervisors.missing(candidate, needed);
                if (missing.isEmpty()) {
                    return new BackendChoice(candidate, "backend " + name + " (" + description(candidate) + ")");
                }
                throw new CapabilityException("The backend " + name + " cannot run this guest: " + missing);
            }
        }
        throw new CapabilityException("The backend " + name + " is not installed; installed are "
                + candidates.stream().map(Hypervisor::name).toList() + ", and --backend auto takes the best of them");
    }

    private static String description(Hypervisor hypervisor) {
        return hypervisor.availability() instanceof Availability.Available(String description) ? description : "";
    }
}
