package dev.vz.storage.image;

import dev.vz.error.ConfigurationException;

/** The formats that can be opened. A format is always stated, never guessed from the bytes of an image. */
public enum ImageFormat {
    /** The disk's bytes and nothing else. */
    RAW("raw"),
    /** QEMU's copy-on-write format, versions 2 and 3. */
    QCOW2("qcow2"),
    /** VirtualBox's format. */
    VDI("vdi"),
    /** Virtual PC's format, under the name that QEMU gives it. */
    VPC("vpc"),
    /** Parallels' expanding format. */
    PARALLELS("parallels"),
    /** VMware's format, in one file or several. */
    VMDK("vmdk"),
    /** QEMU's former enhanced disk format. */
    QED("qed"),
    /** Hyper-V's format. */
    VHDX("vhdx"),
    /** Apple's format, for reading. */
    DMG("dmg"),
    /** The Linux cloop driver's format, for reading. */
    CLOOP("cloop"),
    /** Bochs' growing format, for reading. */
    BOCHS("bochs");

    private final String label;

    ImageFormat(String label) {
        this.label = label;
    }

    /** The name that image files and command lines use. */
    public String label() {
        return label;
    }

    /**
     * The format that {@code label} names.
     *
     * @throws ConfigurationException if there is none
     */
    public static ImageFormat ofLabel(String label) {
        for (ImageFormat format : values()) {
            if (format.label.equals(label)) {
                return format;
            }
        }
        throw new ConfigurationException("Unknown image format '" + label + "'; known are "
                + java.util.Arrays.stream(values()).map(ImageFormat::label).toList());
    }

    @Override
    public String toString() {
        return label;
    }
}
