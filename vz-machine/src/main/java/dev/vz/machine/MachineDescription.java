package dev.vz.machine;

import dev.vz.error.ConfigurationException;
import dev.vz.machine.boot.BootMethod;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * What a machine is to be. Immutable; {@link #of} and the {@code with} methods make it, and
 * {@link dev.vz.machine.json.MachineDescriptionJson} reads and writes it.
 *
 * @param name            appears in thread names and messages: letters, digits, {@code - _ .}
 * @param memory          its RAM
 * @param cpus            its processors
 * @param boot            what it does first
 * @param platform        the devices on its board
 * @param onReset         what a reset by the guest does
 * @param tripleFaultResets whether a triple fault counts as a reset, as on a PC; otherwise it ends the machine as crashed
 */
public record MachineDescription(String name, MemoryDescription memory, CpuDescription cpus, BootMethod boot,
        PlatformDescription platform, RestartPolicy onReset, boolean tripleFaultResets) {

    private static final long DEFAULT_MEMORY = 512L << 20;

    /** Checks the name. */
    public MachineDescription {
        Objects.requireNonNull(memory);
        Objects.requireNonNull(cpus);
        Objects.requireNonNull(boot);
        Objects.requireNonNull(platform);
        Objects.requireNonNull(onReset);
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}")) {
            throw new ConfigurationException(
                    "A machine's name is 1 to 63 of the characters A-Z a-z 0-9 . _ - and starts "
                            + "with a letter or digit, got \"" + name + "\"");
        }
    }

    /** One processor, 512 MiB, one serial port. */
    public static MachineDescription of(String name, BootMethod boot) {
        return new MachineDescription(name, MemoryDescription.of(DEFAULT_MEMORY), CpuDescription.of(1), boot,
                PlatformDescription.standard(), RestartPolicy.RESTART, false);
    }

    /** The same under another name. */
    public MachineDescription withName(String name) {
        return new MachineDescription(name, memory, cpus, boot, platform, onReset, tripleFaultResets);
    }

    /** The same with {@code bytes} of RAM. */
    public MachineDescription withMemory(long bytes) {
        return withMemory(MemoryDescription.of(bytes));
    }

    /** The same with other RAM. */
    public MachineDescription withMemory(MemoryDescription memory) {
        return new MachineDescription(name, memory, cpus, boot, platform, onReset, tripleFaultResets);
    }

    /** The same with that many processors. */
    public MachineDescription withCpus(int count) {
        return withCpus(new CpuDescription(count, cpus.hidden()));
    }

    /** The same with other processors. */
    public MachineDescription withCpus(CpuDescription cpus) {
        return new MachineDescription(name, memory, cpus, boot, platform, onReset, tripleFaultResets);
    }

    /** The same booting something else. */
    public MachineDescription withBoot(BootMethod boot) {
        return new MachineDescription(name, memory, cpus, boot, platform, onReset, tripleFaultResets);
    }

    /** The same with other devices on its board. */
    public MachineDescription withPlatform(UnaryOperator<PlatformDescription> change) {
        return new MachineDescription(name, memory, cpus, boot, change.apply(platform), onReset, tripleFaultResets);
    }

    /** The same with another answer to resets. */
    public MachineDescription onReset(RestartPolicy policy) {
        return new MachineDescription(name, memory, cpus, boot, platform, policy, tripleFaultResets);
    }

    /** The same with triple faults counted as resets or as crashes. */
    public MachineDescription withTripleFaultResets(boolean resets) {
        return new MachineDescription(name, memory, cpus, boot, platform, onReset, resets);
    }
}
