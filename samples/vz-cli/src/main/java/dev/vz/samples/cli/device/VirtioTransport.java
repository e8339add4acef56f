package dev.vz.samples.cli.device;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** How a guest reaches a virtio device. */
public enum VirtioTransport {
    /** As a function on the PCI bus. */
    PCI,
    /** As a page of registers that the firmware tables tell of. */
    MMIO;

    /** The names as they are written. */
    static final String NAMES = Arrays.stream(values()).map(VirtioTransport::label).collect(Collectors.joining(", "));

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Optional<VirtioTransport> named(String label) {
        return Arrays.stream(values()).filter(transport -> transport.label().equals(label)).findFirst();
    }
}
