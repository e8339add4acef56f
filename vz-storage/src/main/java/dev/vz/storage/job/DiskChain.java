package dev.vz.storage.job;

import dev.vz.block.BlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.filter.ChangeTracker;
import dev.vz.storage.filter.CopyOnReadDevice;
import dev.vz.storage.filter.SwitchDevice;
import dev.vz.storage.image.BackedDriver;
import dev.vz.storage.image.ImpliedFile;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A disk in use whose chain of images grows and shrinks under its users, who see {@link #device()} all the time.
 *
 * <p>
 * {@link #snapshot} puts a new image on top, {@link #commit(JobControl)} writes the top into the one below and goes on with that one,
 * {@link #stream} takes over what is below and lets it go. One of them runs at a time, on its caller's thread, which is no
 * thread that completes requests. One that is cancelled or fails leaves the chain as it was, and may be called again.
 */
public final class DiskChain implements AutoCloseable {

    private static final int GRANULARITY = 64 * 1024;
    private static final int PIECE = 1 << 20;

    private final SwitchDevice device;
    private final AtomicReference<@Nullable String> running = new AtomicReference<>();
    private final Consumer<DiskImage> record;
    private volatile DiskImage top;

    /**
     * A chain that begins with {@code top} and what is below it; it belongs to the chain from then on. To be committed
     * into, an image below must be open for writing: see {@link DiskImage#over}.
     *
     * @param record told, while requests wait, which image is on top from then on, everything in it flushed. After a crash
     *               the last one that was recorded is to be opened; if it throws, the change of the chain has failed
     */
    public DiskChain(DiskImage top, Consumer<DiskImage> record) {
        this.top = top;
        this.device = new SwitchDevice(top);
        this.record = record;
    }

    /** The disk as its users see it. */
    public BlockDevice device() {
        return device;
    }

    /** The image that is written now. */
    public DiskImage top() {
        return top;
    }

    /**
     * Puts a new image on top: what is below stays as it is at this moment, with everything flushed.
     *
     * @param overlay makes the new image over the one that it gets, with {@link DiskImage#over}; requests wait meanwhile
     */
    public void snapshot(UnaryOperator<DiskImage> overlay) {
        begin("A snapshot");
        try (SwitchDevice.Pause pause = device.pause()) {
            DiskImage made = grow(overlay);
            adopt(made);
            pause.goOnWith(made);
        } finally {
            end();
        }
    }

    /**
     * Writes what the top image holds into the one below, round by round while users go on, lets requests wait for the
     * last round, and goes on with the one below. The top image is closed; its file is of no more use.
     *
     * @throws ConfigurationException if the image below is not open for writing, or larger
     * @throws LifecycleException     if the control cancelled it; the users then go on with the top image
     */
    public void commit(JobControl control) {
        begin("A commit");
        try {
            DiskImage from = top;
            DiskImage base = committable(from);
            if (base.info().size() < from.info().size()) {
                base.resize(from.info().size());
            }
            var tracker = new ChangeTracker(from);
            ChangeTracker.Marks marks = tracker.track(GRANULARITY);
            device.exchange(() -> tracker);
            boolean done = false;
            try {
                markHeld(from, marks);
                rounds(from, marks, base, control);
                device.exchange(() -> {
                    DiskBackup.incremental(from, marks, base, control);
                    record.accept(base);
                    return base;
                });
                done = true;
            } finally {
                if (!done) {
                    device.exchange(() -> from);
                }
            }
            top = base;
            from.detach();
            from.close();
        } finally {
            end();
        }
    }

    /**
     * Writes what {@code middle}, an image of the chain below its top, holds into the one below it, and takes it out of the
     * chain: the one above it states the one below it as its backing file from then on. Users go on all the while but for
     * that last step. The image is closed; its file is of no more use.
     *
     * @throws ConfigurationException if {@code middle} is not such an image, or the one below it is not open for writing
     * @throws LifecycleException     if the control cancelled it; the chain is then as it was, and reads the same
     */
    public void commit(DiskImage middle, JobControl control) {
        begin("A commit");
        try {
            DiskImage above = above(middle);
            DiskImage base = committable(middle);
            if (!(above.driver() instanceof BackedDriver driver) || above.info().readOnly()) {
                throw new ConfigurationException("Cannot take " + middle + " out of the chain: " + above
                        + ", which is over it, cannot be told of another backing file");
            }
            // The users of what is above read nothing of the lower one where this one holds something.
            DiskCommit.run(middle, base, 1, control);
            if (control.cancelled()) {
                throw new LifecycleException("Committing " + middle + " to " + base
                        + " was cancelled; the chain is as it was");
            }
            String stated = statedName(middle, above, base);
            try (SwitchDevice.Pause pause = device.pause()) {
                driver.changeBacking(stated, base.driver().format().label());
                middle.detach();
                above.exchangeBacking(base);
                pause.goOnWith(top);
            }
            middle.close();
        } finally {
            end();
        }
    }

    private DiskImage above(DiskImage middle) {
        for (DiskImage image = top; image.backing().isPresent(); image = image.backing().get()) {
            if (image.backing().get() == middle) {
                return image;
            }
        }
        throw new ConfigurationException(middle + " is no image of the chain below " + top);
    }

    /** What {@code above} is to call {@code base}: as {@code middle} does if that means the same there. */
    private static String statedName(DiskImage middle, DiskImage above, DiskImage base) {
        Path here = Path.of(middle.driver().file().name()).toAbsolutePath().getParent();
        Path there = Path.of(above.driver().file().name()).toAbsolutePath().getParent();
        String whole = Path.of(base.driver().file().name()).toAbsolutePath().toString();
        return Objects.equals(here, there) ? middle.driver().backing().map(ImpliedFile::name).orElse(whole) : whole;
    }

    private static DiskImage committable(DiskImage from) {
        DiskImage base = from.backing().orElseThrow(
                () -> new ConfigurationException("There is no image below " + from + " to commit it to"));
        if (base.info().readOnly()) {
            throw new ConfigurationException("Cannot commit " + from + " to " + base
                    + ", which is open for reading only; open it for writing and put the other over it");
        }
        if (!(from.driver() instanceof BackedDriver) || base.info().size() > from.info().size()) {
            throw new ConfigurationException("Cannot commit " + from + " of " + from.info().size() + " bytes to " + base
                    + " of " + base.info().size()
                    + " while it is in use: the disk would change its size, or the format its identity");
        }
        return base;
    }

    private static void markHeld(DiskImage image, ChangeTracker.Marks marks) {
        long size = image.info().size();
        for (long at = 0; at < size;) {
            MapExtent extent = image.map(at, size - at);
            if (extent.depth() == 0 && extent.present()) {
                marks.mark(at, extent.length());
            }
            at += extent.length();
        }
    }

    /** As long as each round leaves less than the one before. */
    private static void rounds(DiskImage from, ChangeTracker.Marks marks, DiskImage base, JobControl control) {
        long before = Long.MAX_VALUE;
        while (marks.marked() > PIECE && marks.marked() < before) {
            before = marks.marked();
            DiskBackup.incremental(from, marks, base, control);
        }
    }

    /**
     * Takes over into the top image what it does not hold of the images below, while users go on, and lets those go: the
     * image states no backing file any more, and they are closed.
     *
     * @throws LifecycleException if the control cancelled it; what was taken over stays
     */
    public void stream(JobControl control) {
        begin("Streaming");
        try {
            DiskImage image = top;
            if (image.backing().isEmpty() || !(image.driver() instanceof BackedDriver driver)) {
                throw new ConfigurationException("There is nothing below " + image + " to take over");
            }
            // Users' reads keep what they meet, too, and writes and copies wait for each other.
            var keeper = new CopyOnReadDevice(image, GRANULARITY);
            device.exchange(() -> keeper);
            try {
                long size = image.info().size();
                for (long at = 0; at < size; at += PIECE) {
                    if (control.cancelled()) {
                        throw new LifecycleException("Streaming into " + image + " was cancelled after " + at
                                + " bytes; it still needs the images below");
                    }
                    keeper.keep(at, Math.min(PIECE, size - at));
                    control.progress(Math.min(size, at + PIECE), size);
                }
            } finally {
                device.exchange(() -> image);
                keeper.release();
            }
            DiskImage below;
            try (SwitchDevice.Pause pause = device.pause()) {
                image.flush();
                driver.changeBacking(null, null);
                below = image.detach();
                pause.goOnWith(image);
            }
            below.close();
        } finally {
            end();
        }
    }

    SwitchDevice switchDevice() {
        return device;
    }

    /** Flushes and makes the image that is to be on top; requests are paused. */
    DiskImage grow(UnaryOperator<DiskImage> overlay) {
        DiskImage below = top;
        below.flush();
        DiskImage made = overlay.apply(below);
        boolean over = made.backing().orElse(null) == below;
        if (!over || made.info().size() < below.info().size()) {
            if (over) {
                made.detach();
            }
            made.close();
            throw new ConfigurationException("The new image must be over " + below + " and as large");
        }
        made.flush();
        return made;
    }

    /** Records what is on top from now on; requests are paused. */
    void adopt(DiskImage image) {
        try {
            record.accept(image);
        } catch (RuntimeException | Error failure) {
            image.detach();
            image.close();
            throw failure;
        }
        top = image;
    }

    void begin(String what) {
        if (!running.compareAndSet(null, what)) {
            throw new LifecycleException(what + " of " + top + " has to wait: " + running.get() + " is running");
        }
    }

    void end() {
        running.set(null);
    }

    /** Closes the images; no job runs. */
    @Override
    public void close() {
        device.close();
    }
}
