package dev.vz.storage.vmdk;

import dev.vz.error.ConfigurationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a VMDK image is made.
 *
 * @param size         the disk's size in bytes; rounded up to 512
 * @param subformat    monolithicSparse, monolithicFlat, twoGbMaxExtentSparse, twoGbMaxExtentFlat or streamOptimized
 * @param adapterType  ide, lsilogic, buslogic or legacyESX
 * @param hwVersion    the virtual hardware's version
 * @param toolsVersion the guest tools' version
 * @param zeroedGrains whether grains can be said to be zeros
 * @param parent       the parent's file name as it is to stand in the image; {@code null} for none
 * @param parentCid    the parent's content id; 0xffffffff for none
 */
public record VmdkOptions(long size, String subformat, String adapterType, String hwVersion, String toolsVersion,
        boolean zeroedGrains, @Nullable String parent, long parentCid) {

    private static final List<String> SUBFORMATS = List.of("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse",
            "twoGbMaxExtentFlat", "streamOptimized");
    private static final List<String> ADAPTERS = List.of("ide", "lsilogic", "buslogic", "legacyESX");

    /** One sparse file, for IDE, without a parent. */
    public static VmdkOptions ofSize(long size) {
        return new VmdkOptions(size, "monolithicSparse", "ide", "4", "2147483647", false, null, Descriptor.NO_PARENT);
    }

    /** Checks what does not go together. */
    public VmdkOptions {
        if (size < 0 || size > 1L << 50) {
            throw new ConfigurationException("A VMDK image holds disks up to 2^50 bytes, not " + size);
        }
        if (!SUBFORMATS.contains(subformat)) {
            throw new ConfigurationException("Invalid subformat '" + subformat + "'");
        }
        if (!ADAPTERS.contains(adapterType)) {
            throw new ConfigurationException("Unknown adapter type: '" + adapterType + "'");
        }
        if (parent != null && subformat.endsWith("Flat")) {
            throw new ConfigurationException("Flat image can't have backing file");
        }
        if (zeroedGrains && subformat.endsWith("Flat")) {
            throw new ConfigurationException("Flat image can't enable zeroed grain");
        }
    }

    /** The same in another layout. */
    public VmdkOptions withSubformat(String subformat) {
        return new VmdkOptions(size, subformat, adapterType, hwVersion, toolsVersion, zeroedGrains, parent, parentCid);
    }

    /** The same over a parent. */
    public VmdkOptions withParent(@Nullable String parent, long parentCid) {
        return new VmdkOptions(size, subformat, adapterType, hwVersion, toolsVersion, zeroedGrains, parent, parentCid);
    }

    /** The same, with grains that can be said to be zeros. */
    public VmdkOptions withZeroedGrains(boolean zeroedGrains) {
        return new VmdkOptions(size, subformat, adapterType, hwVersion, toolsVersion, zeroedGrains, parent, parentCid);
    }
}
