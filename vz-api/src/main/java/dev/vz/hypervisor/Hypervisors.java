package dev.vz.hypervisor;

import dev.vz.error.CapabilityException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the back ends on the module path. */
public final class Hypervisors {

    private Hypervisors() {}

    /** All back ends that are present, available or not, best first. */
    public static List<Hypervisor> all() {
        var found = new ArrayList<Hypervisor>();
        ServiceLoader.load(Hypervisor.class).forEach(found::add);
        found.sort(Comparator.comparingInt(Hypervisor::priority).reversed().thenComparing(Hypervisor::name));
        return List.copyOf(found);
    }

    /**
     * The best back end that is available and has all of {@code needed}.
     *
     * @throws CapabilityException if there is none; the message says of each why not, and what to do
     */
    public static Hypervisor best(Capability... needed) {
        return best(all(), needed);
    }

    /** The same among {@code candidates}, tried in their order. */
    public static Hypervisor best(List<Hypervisor> candidates, Capability... needed) {
        var reasons = new ArrayList<String>();
        for (Hypervisor candidate : candidates) {
            String missing = missing(candidate, needed);
            if (missing.isEmpty()) {
                return candidate;
            }
            reasons.add(candidate.name() + ": " + missing);
        }
        throw new CapabilityException(reasons.isEmpty()
                ? "No hypervisor is on the module path; add dev.vz:vz-kvm or dev.vz:vz-emulator"
                : "No hypervisor can be used here. " + String.join("; ", reasons));
    }

    /** Why {@code candidate} will not do, with the remedy; empty if it will. */
    public static String missing(Hypervisor candidate, Capability... needed) {
        if (candidate.availability() instanceof Availability.Unavailable no) {
            return no.reason() + " (" + no.remedy() + ")";
        }
        var lacking = new ArrayList<Capability>(List.of(needed));
        lacking.removeAll(candidate.capabilities());
        if (lacking.isEmpty()) {
            return "";
        }
        var text = new StringBuilder("lacks ").append(lacking).append(" on this host");
        for (Capability capability : lacking) {
            String reason = candidate.reasonWithout(capability);
            if (!reason.isEmpty()) {
                text.append(": ").append(reason);
            }
        }
        return text.append(" (choose another back end)").toString();
    }

    /**
     * The back end of that name, available or not.
     *
     * @throws CapabilityException if it is not on the module path
     */
    public static Hypervisor named(String name) {
        List<Hypervisor> all = all();
        for (Hypervisor hypervisor : all) {
            if (hypervisor.name().equals(name)) {
                return hypervisor;
            }
        }
        throw new CapabilityException("There is no hypervisor \"" + name + "\" on the module path; present: "
                + all.stream().map(Hypervisor::name).toList() + ". Add dev.vz:vz-" + name + ".");
    }
}
