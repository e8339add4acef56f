package dev.vz.machine;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.error.ConfigurationException;
import java.util.Set;

/**
 * A machine's processors.
 *
 * @param count  1 to 255
 * @param hidden features that the guest is not to see although the back end has them
 */
public record CpuDescription(int count, Set<CpuFeature> hidden) {

    /** APIC ids up to 254 need no x2APIC. */
    private static final int MOST = 255;

    /** Checks the count. */
    public CpuDescription {
        if (count < 1 || count > MOST) {
            throw new ConfigurationException("A machine has 1 to " + MOST + " processors, got " + count);
        }
        hidden = Set.copyOf(hidden);
    }

    /** {@code count} processors with all that the back end has. */
    public static CpuDescription of(int count) {
        return new CpuDescription(count, Set.of());
    }
}
