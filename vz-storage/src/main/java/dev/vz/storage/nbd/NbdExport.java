package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A block device under a name, as clients see it. Immutable; the device stays its owner's.
 *
 * @param name            what clients ask for; the empty name is the default export
 * @param description     for people; empty for none
 * @param device          what is shown
 * @param readOnly        whether writes are refused even if the device takes them
 * @param multiConnection whether clients are told that several connections see one another's flushes, which every
 *                        {@link BlockDevice} guarantees
 * @param contexts        what can be asked about ranges, {@code base:allocation} first
 */
public record NbdExport(String name, String description, BlockDevice device, boolean readOnly, boolean multiConnection,
        List<MetadataContext> contexts) {

    /** Checks the names. */
    public NbdExport {
        check("name", name);
        check("description", description);
        contexts = List.copyOf(contexts);
        for (MetadataContext context : contexts) {
            check("context", context.name());
        }
    }

    private static void check(String what, String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > Nbd.NBD_MAX_STRING || text.indexOf('\0') >= 0) {
            throw new ConfigurationException("An export's " + what + " has at most " + Nbd.NBD_MAX_STRING
                    + " bytes in UTF-8 and no zero byte, but this one has " + bytes);
        }
    }

    /** {@code device} under {@code name}, with its allocation as a context. */
    public static NbdExport of(String name, BlockDevice device) {
        return new NbdExport(name, "", device, device.info().readOnly(), true, List.of(allocation(device)));
    }

    /** The same with another description. */
    public NbdExport withDescription(String description) {
        return new NbdExport(name, description, device, readOnly, multiConnection, contexts);
    }

    /** The same, for reading only or not. */
    public NbdExport withReadOnly(boolean readOnly) {
        return new NbdExport(name, description, device, readOnly || device.info().readOnly(), multiConnection,
                contexts);
    }

    /** The same, offering several connections or not. */
    public NbdExport withMultiConnection(boolean multiConnection) {
        return new NbdExport(name, description, device, readOnly, multiConnection, contexts);
    }

    /** The same with one more context. */
    public NbdExport withContext(MetadataContext context) {
        var more = new ArrayList<>(contexts);
        more.add(context);
        return new NbdExport(name, description, device, readOnly, multiConnection, more);
    }

    /** Bytes: the smallest unit that clients may address. */
    int minimumBlock() {
        return device instanceof DiskImage ? 1 : device.info().logicalBlockSize();
    }

    /** {@code base:allocation} of {@code device}: whether a range is a hole, and whether it reads as zeros. */
    public static MetadataContext allocation(BlockDevice device) {
        return MetadataContext.of(Nbd.BASE_ALLOCATION, (offset, length) -> {
            if (device instanceof DiskImage image) {
                MapExtent extent = image.map(offset, length);
                return new MetadataContext.Run(extent.length(), (extent.data() ? 0 : Nbd.NBD_STATE_HOLE)
                        | (extent.zero() ? Nbd.NBD_STATE_ZERO : 0));
            }
            BlockExtent extent = device.status(offset, length);
            // What this layer leaves to another one is a hole only if it surely reads as zeros.
            return new MetadataContext.Run(extent.length(),
                    (extent.zero() ? Nbd.NBD_STATE_ZERO | (extent.allocated() ? 0 : Nbd.NBD_STATE_HOLE) : 0));
        });
    }

    /** {@code qemu:allocation-depth} of {@code image}: 0 where no image has the range, else 1 for the top one, and so on. */
    public static MetadataContext allocationDepth(DiskImage image) {
        return MetadataContext.of("qemu:allocation-depth", (offset, length) -> {
            MapExtent extent = image.map(offset, length);
            return new MetadataContext.Run(extent.length(), extent.present() ? extent.depth() + 1 : 0);
        });
    }
}
