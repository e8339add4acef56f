package dev.vz.pci;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a device shows on a PCI bus.
 *
 * <p>
 * The host bridge calls it on vCPU threads. It owns its configuration space, except that the bridge reads the BARs' kinds
 * and sizes from {@link #bars()}, watches writes to the BARs and the command register, and moves the BARs' devices on the
 * buses accordingly. The guest chooses every argument; nothing here throws for what the guest does.
 */
public interface PciFunction {

    /** A name for people, for example {@code "virtio-blk"}. */
    String name();

    /** Its base address registers. Constant. */
    List<PciBar> bars();

    /** Its MSI-X table, if it has one. Constant. */
    Optional<MsixTable> msix();

    /**
     * Reads configuration space.
     *
     * @param offset 0 to 4095
     * @param size   1, 2 or 4 bytes; the access does not cross a 4-byte boundary
     */
    int readConfig(int offset, int size);

    /**
     * Writes configuration space; read-only bits keep their value.
     *
     * @param offset 0 to 4095
     * @param size   1, 2 or 4 bytes; the access does not cross a 4-byte boundary
     * @param value  zero-extended
     */
    void writeConfig(int offset, int size, int value);

    /** Everything back to the state after power-on. */
    void reset();

    /** A function that wants to know where its registers are, for example to hang doorbells there. */
    interface Located extends PciFunction {
        /**
         * BAR {@code index} answers at {@code address} from now on, or nowhere. Called by the bridge, one call at a time,
         * after the bus was changed; must not block for long.
         */
        void located(int index, OptionalLong address);
    }
}
