package dev.vz.emulator;

import dev.vz.emulator.translator.RegionCache;
import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** The back end "emulator": a processor in software, which runs wherever a JVM does. */
public final class EmulatorHypervisor implements Hypervisor {

    private static final Set<Capability> CAPABILITIES = Collections.unmodifiableSet(EnumSet.of(Capability.FULL_SYSTEM,
            Capability.INTERRUPT_CONTROLLER, Capability.SPLIT_INTERRUPT_CONTROLLER, Capability.MSI,
            Capability.DOORBELL, Capability.RESAMPLED_LINE, Capability.DIRTY_TRACKING, Capability.READ_ONLY_MEMORY,
            Capability.MEMORY_HOT_PLUG, Capability.GUEST_DEBUG, Capability.INTERRUPT_INJECTION, Capability.SMP,
            Capability.TSC_CONTROL));

    /** System property: whether hot code is translated where {@link #withTranslation} says nothing; {@code true} if absent. */
    public static final String TRANSLATION = "dev.vz.emulator.translation";

    /** Instructions after which code is translated; 0 for never. */
    private final int translatedAfter;

    /** Makes the back end; it holds nothing. */
    public EmulatorHypervisor() {
        this(Boolean.parseBoolean(System.getProperty(TRANSLATION, "true")) ? RegionCache.THRESHOLD : 0);
    }

    private EmulatorHypervisor(int translatedAfter) {
        this.translatedAfter = translatedAfter;
    }

    /** The back end whose machines translate hot code to JVM bytecode, or interpret all of it. */
    public EmulatorHypervisor withTranslation(boolean on) {
        return new EmulatorHypervisor(on ? RegionCache.THRESHOLD : 0);
    }

    /** The back end whose machines translate code as soon as so many of its instructions were executed. */
    EmulatorHypervisor translatingAfter(int instructions) {
        return new EmulatorHypervisor(instructions);
    }

    @Override
    public String name() {
        return "emulator";
    }

    @Override
    public int priority() {
        return 10;
    }

    @Override
    public Availability availability() {
        if (!EmulatorHypervisor.class.getModule().isNativeAccessEnabled()) {
            String module = EmulatorHypervisor.class.getModule().isNamed() ? "dev.vz.emulator" : "ALL-UNNAMED";
            return new Availability.Unavailable("the software CPU may not use native memory",
                    "start java with --enable-native-access=" + module);
        }
        return new Availability.Available(
                "software CPU, x86-64-v2, " + (translatedAfter > 0 ? "translated" : "interpreted"));
    }

    @Override
    public Set<Capability> capabilities() {
        if (availability() instanceof Availability.Unavailable no) {
            throw new CapabilityException("The back end \"emulator\" cannot be used: " + no.reason() + "; "
                    + no.remedy());
        }
        return CAPABILITIES;
    }

    @Override
    public VirtualMachine createVirtualMachine(VirtualMachineConfig config) {
        capabilities();
        EmulatedMachine machine = switch (config.interrupts()) {
            case NONE -> new BareMachine(config);
            case SPLIT -> new SplitMachine(config);
            case FULL -> new FullMachine(config);
        };
        machine.translateAfter(translatedAfter);
        return machine;
    }
}
