package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.storage.DiskImage;
import dev.vz.storage.qcow2.BitmapInfo;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.util.List;

/** {@code --bitmaps}: what the bitmaps of an image have marked, and how they record, once more in its copy. */
final class BitmapCopy {

    private final Qcow2Driver source;
    private final List<BitmapInfo> bitmaps;

    private BitmapCopy(Qcow2Driver source) {
        this.source = source;
        this.bitmaps = source.bitmaps();
    }

    /**
     * The bitmaps of {@code sources}, which must be one image that can have any.
     *
     * @param skipBroken whether those that are not complete may be left out; else there must be none
     */
    static BitmapCopy of(List<DiskImage> sources, boolean skipBroken) {
        if (sources.size() > 1) {
            throw new CommandFailure("Copying bitmaps only possible with single source");
        }
        if (!(sources.getFirst().driver() instanceof Qcow2Driver driver)) {
            throw new CommandFailure("Source lacks bitmap support");
        }
        var copy = new BitmapCopy(driver);
        if (!skipBroken) {
            for (BitmapInfo info : copy.broken()) {
                throw new CommandFailure("Cannot copy inconsistent bitmap '" + info.name()
                        + "'\nTry --skip-broken-bitmaps, or use 'qemu-img bitmap --remove' to delete it");
            }
        }
        return copy;
    }

    /** The newest first, as QEMU goes through them. */
    private List<BitmapInfo> broken() {
        return bitmaps.reversed().stream().filter(info -> !info.consistent()).toList();
    }

    /** Demands that {@code target} can have bitmaps. */
    static Qcow2Driver demand(DiskImage target) {
        if (!(target.driver() instanceof Qcow2Driver driver) || driver.header().version() < 3) {
            throw new CommandFailure("Format driver '" + target.driver().format() + "' does not support bitmaps");
        }
        return driver;
    }

    /** Makes them in {@code target}, whose data is written already. */
    void into(DiskImage target, Console console) {
        Qcow2Driver driver = demand(target);
        for (BitmapInfo info : broken()) {
            console.complain("warning: Skipping inconsistent bitmap '" + info.name() + "'");
        }
        List<BitmapInfo> whole = bitmaps.stream().filter(BitmapInfo::consistent).toList();
        List<String> there = driver.bitmaps().stream().map(BitmapInfo::name).toList();
        for (BitmapInfo info : whole.reversed()) {
            if (there.contains(info.name())) {
                throw new CommandFailure("Failed to create bitmap " + info.name() + ": Bitmap already exists: "
                        + info.name());
            }
        }
        whole.forEach(info -> add(driver, info));
    }

    private void add(Qcow2Driver target, BitmapInfo info) {
        String failing = "create";
        try {
            target.addBitmap(info.name(), info.granularity(), false);
            failing = "populate";
            target.mergeBitmap(info.name(), source.bitmap(info.name()));
            if (info.enabled()) {
                target.enableBitmap(info.name(), true);
            }
        } catch (VzException failure) {
            throw new CommandFailure("Failed to " + failing + " bitmap " + info.name() + ": "
                    + HostErrors.text(failure));
        }
    }
}
