package dev.vz.storage;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.bochs.BochsDriver;
import dev.vz.storage.cloop.CloopDriver;
import dev.vz.storage.dmg.DmgDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.parallels.ParallelsDriver;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qed.QedDriver;
import dev.vz.storage.raw.RawDriver;
import dev.vz.storage.vdi.VdiDriver;
import dev.vz.storage.vhd.VhdDriver;
import dev.vz.storage.vhdx.VhdxDriver;
import dev.vz.storage.vmdk.VmdkDriver;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Opens images and, through the gate, the chain below them. */
final class ImageOpener {

    private ImageOpener() {}

    static DiskImage open(ImageFile file, ImageFormat format, OpenOptions options) {
        return open(file, format, options, new HashSet<>());
    }

    static DiskImage over(DiskImage backing, ImageFile file, ImageFormat format, OpenOptions options) {
        ImageDriver driver;
        try {
            for (DiskImage level = backing; level != null; level = level.backing().orElse(null)) {
                if (level.driver().file().identity().equals(file.identity())) {
                    throw new OpenPolicyException("Not opening " + file.name() + " over itself");
                }
            }
            driver = driver(file, format, options);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        driver.backed(true);
        return new DiskImage(driver, backing, options);
    }

    private static DiskImage open(ImageFile file, ImageFormat format, OpenOptions options, Set<Object> chain) {
        ImageDriver driver;
        try {
            if (!chain.add(file.identity())) {
                throw new OpenPolicyException("Not opening " + file.name()
                        + " a second time: its backing chain leads back to itself");
            }
            if (chain.size() > options.budget().maxChainDepth()) {
                throw new OpenPolicyException("Not opening " + file.name() + ": the backing chain is longer than "
                        + options.budget().maxChainDepth() + " images");
            }
            driver = driver(file, format, options);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        try {
            Optional<ImpliedFile> implied = driver.backing().or(() -> options.gate().unnamedBacking(file));
            driver.backed(implied.isPresent());
            if (implied.isEmpty() || !options.backing()) {
                return new DiskImage(driver, null, options);
            }
            FileGate.Grant grant = options.gate().open(implied.get(), false);
            DiskImage below = open(grant.file(), grant.format(), options.withReadOnly(true).withSnapshot(null), chain);
            requireSameParent(driver, below);
            requireLinked(driver, below);
            return new DiskImage(driver, below, options);
        } catch (RuntimeException failure) {
            driver.close();
            throw failure;
        }
    }

    /** A parent that was written since an image was made over it would show through where it must not. */
    private static void requireSameParent(ImageDriver driver, DiskImage below) {
        if (driver instanceof VmdkDriver image && below.driver() instanceof VmdkDriver parent && image
                .parentCid() != parent.cid()) {
            below.close();
            throw new FormatException("The parent of " + driver.file().name()
                    + " was written since: it should have the "
                    + "CID " + Long.toHexString(image.parentCid()) + ", it has " + Long.toHexString(parent.cid()));
        }
    }

    private static void requireLinked(ImageDriver driver, DiskImage below) {
        if (!(driver instanceof LinkedDriver image) || image.parentLink().isEmpty() || driver.backing().isEmpty()) {
            return;
        }
        String wanted = image.parentLink().get();
        String found = below.driver() instanceof LinkedDriver parent && below.driver().format() == driver.format()
                ? parent.link() : "none";
        if (!found.equals(wanted)) {
            ImageDriver other = below.driver();
            below.close();
            throw new FormatException("The image " + other.file().name() + " is not the parent of " + driver.file()
                    .name() + ", or was written since: it should have the identifier " + wanted + ", it has " + found);
        }
    }

    private static ImageDriver driver(ImageFile file, ImageFormat format, OpenOptions options) {
        if (options.snapshot() != null && format != ImageFormat.QCOW2) {
            throw new CapabilityException("Cannot open snapshot '" + options.snapshot() + "' of " + file.name()
                    + ": images in the format " + format + " have no internal snapshots");
        }
        return switch (format) {
            case RAW -> new RawDriver(file);
            case QCOW2 -> options.snapshot() != null
                    ? Qcow2Driver.openSnapshot(file, options.snapshot(), options.keys(), options.gate(), options
                            .budget())
                    : Qcow2Driver.open(file, options.readOnly(), options.asFound(), options.keys(), options.gate(),
                            options
                                    .budget());
            case VDI -> VdiDriver.open(file, options.readOnly(), options.asFound(), options.budget());
            case VPC -> VhdDriver.open(file, options.readOnly(), options.budget());
            case DMG -> DmgDriver.open(file, options.budget());
            case CLOOP -> CloopDriver.open(file, options.budget());
            case BOCHS -> BochsDriver.open(file, options.budget());
            case VMDK -> VmdkDriver.open(file, options.readOnly(), options.gate(), options.budget());
            case QED -> QedDriver.open(file, options.readOnly(), options.asFound(), options.budget());
            case VHDX -> VhdxDriver.open(file, options.readOnly(), options.budget());
            case PARALLELS -> ParallelsDriver.open(file, options.readOnly(), options.asFound(), options.budget());
        };
    }
}
