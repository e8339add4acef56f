package dev.vz.virtio.pci;

import dev.vz.state.StateVersion;
import dev.vz.virtio.device.HostState;
import java.util.List;

/**
 * What a function holds beside its device's own state.
 *
 * @param host          the device's host
 * @param common        the common configuration structure
 * @param isr           the ISR status
 * @param configuration configuration space
 * @param msixEntries   the MSI-X table as 32-bit words
 * @param msixPending   the vectors whose pending bits are set
 */
@StateVersion(1)
public record PciState(HostState host, Common common, int isr, byte[] configuration, List<Integer> msixEntries,
        List<Integer> msixPending) {

    /** Keeps copies. */
    public PciState {
        configuration = configuration.clone();
        msixEntries = List.copyOf(msixEntries);
        msixPending = List.copyOf(msixPending);
    }

    /** A copy. */
    @Override
    public byte[] configuration() {
        return configuration.clone();
    }

    /**
     * The selectors and vectors of the common configuration structure.
     *
     * @param deviceFeatureSelect as written
     * @param driverFeatureSelect as written
     * @param queueSelect         as written
     * @param configVector        MSI-X vector, or 0xFFFF
     * @param queueVectors        MSI-X vector of each queue, or 0xFFFF
     */
    @StateVersion(1)
    public record Common(int deviceFeatureSelect, int driverFeatureSelect, int queueSelect, int configVector,
            List<Integer> queueVectors) {

        /** Keeps a copy. */
        public Common {
            queueVectors = List.copyOf(queueVectors);
        }
    }
}
