package dev.vz.storage.job;

import dev.vz.block.BlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.filter.ChangeTracker;
import dev.vz.storage.filter.SwitchDevice;

/**
 * Brings a disk that is in use to another place.
 *
 * <p>
 * The disk is used through {@link #device()}. {@link #run} copies it, and round by round what has changed meanwhile, until
 * little is left; {@link #pivot} lets requests wait for a moment, copies the rest, and sends them to the other disk from
 * then on. A run that was cancelled or has failed goes on where it stopped when it is called again. One thread runs it.
 */
public final class DiskMirror implements AutoCloseable {

    private static final int GRANULARITY = 64 * 1024;

    private final ChangeTracker source;
    private final ChangeTracker.Marks marks;
    private final BlockDevice target;
    private final SwitchDevice device;
    private boolean pivoted;

    /** A mirror of {@code source} on {@code target}, which is at least as large. Both belong to the mirror. */
    public DiskMirror(BlockDevice source, BlockDevice target) {
        this(source, target, everything(source.info().size()));
    }

    /**
     * A mirror that begins with what {@code marks} say is still to be copied: one that was stopped goes on, see
     * {@link SavedMarks}.
     */
    public DiskMirror(BlockDevice source, BlockDevice target, ChangeTracker.Marks marks) {
        if (target.info().size() < source.info().size()) {
            throw new ConfigurationException("A disk of " + source.info().size() + " bytes cannot be mirrored to "
                    + target + " of " + target.info().size());
        }
        this.source = new ChangeTracker(source);
        this.target = target;
        this.marks = marks;
        this.source.track(marks);
        this.device = new SwitchDevice(this.source);
    }

    private static ChangeTracker.Marks everything(long size) {
        var marks = new ChangeTracker.Marks(size, GRANULARITY);
        if (size > 0) {
            marks.mark(0, size);
        }
        return marks;
    }

    /** The disk as its users see it, before and after. */
    public BlockDevice device() {
        return device;
    }

    /** Bytes that are still to copy, as far as is known now. */
    public long remaining() {
        return marks.marked();
    }

    /**
     * Copies until no more than {@code enough} bytes are left, or until a round has not brought it nearer to that: the
     * users change the disk faster than it can be copied.
     *
     * @throws LifecycleException if the control cancelled it
     */
    public void run(long enough, JobControl control) {
        long before = Long.MAX_VALUE;
        while (remaining() > enough && remaining() < before) {
            before = remaining();
            DiskBackup.incremental(source, marks, target, control);
        }
    }

    /**
     * Copies the rest while requests wait, and sends them to the target from then on; the source is closed. If that fails
     * the users go on with the source, and it can be tried again.
     */
    public void pivot(JobControl control) {
        if (pivoted) {
            throw new LifecycleException("The mirror's users have gone over to " + target + " already");
        }
        device.exchange(() -> {
            DiskBackup.incremental(source, marks, target, control);
            return target;
        });
        pivoted = true;
        source.close();
    }

    /** Closes what is in use, and what is not. */
    @Override
    public void close() {
        try {
            if (!pivoted) {
                source.close();
            }
        } finally {
            target.close();
        }
    }
}
