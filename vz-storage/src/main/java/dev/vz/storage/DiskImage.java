package dev.vz.storage;

import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.block.BlockDevice;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.StateDriver;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An open disk image, with the backing images below it, as a block device.
 *
 * <p>
 * Requests may come from any number of threads and may start and end at any byte. Data moves between the request's
 * buffers and the file directly where the format allows. Reads of what the host has cached allocate nothing.
 */
public final class DiskImage implements BlockDevice.Resizable {

    private final ImageDriver driver;
    private volatile @Nullable DiskImage backing;
    private final boolean readOnly;
    private final IoEngine engine;
    private final ImageIo io;
    private final AtomicInteger inFlight = new AtomicInteger();
    private final Object idle = new Object();
    private volatile boolean closing;
    private boolean closed;
    private volatile BlockInfo info;
    private volatile @Nullable Runnable resizeListener;

    DiskImage(ImageDriver driver, @Nullable DiskImage backing, OpenOptions options) {
        this.driver = driver;
        this.backing = backing;
        this.readOnly = options.readOnly() || driver.readOnly();
        this.engine = options.engine();
        this.io = new ImageIo(driver, backing == null ? null : backing.io);
        this.info = describe();
    }

    /** Opens the image in the file {@code path}. */
    public static DiskImage open(Path path, ImageFormat format, OpenOptions options) {
        return open(HostFile.open(path, options.readOnly(), options.cacheMode()), format, options);
    }

    /**
     * Opens the image in {@code file}, which belongs to the image from then on, and is closed if it cannot be opened.
     *
     * @throws dev.vz.error.FormatException      if the file is no such image or is damaged
     * @throws dev.vz.error.CapabilityException  if it uses a feature that is not known here
     * @throws dev.vz.storage.image.OpenPolicyException if the options forbid what it asks for
     */
    public static DiskImage open(ImageFile file, ImageFormat format, OpenOptions options) {
        return ImageOpener.open(file, format, options);
    }

    /**
     * Opens the image in {@code file} over {@code backing}, whatever backing file it states; both belong to the new image
     * from then on. This is how the chain of a disk in use grows: what is below stays open, and may be open for writing.
     *
     * @throws dev.vz.error.FormatException as for {@link #open(ImageFile, ImageFormat, OpenOptions)}; then {@code backing}
     *                                      is still open and the caller's
     */
    public static DiskImage over(DiskImage backing, ImageFile file, ImageFormat format, OpenOptions options) {
        return ImageOpener.over(backing, file, format, options);
    }

    /**
     * Takes away the image below, without a word in the file: what this image does not hold reads as zeros from then on.
     * For whoever goes on with the one below, or has copied all of it.
     *
     * @return the image that was below, which is the caller's from now on
     * @throws LifecycleException if requests are under way, or there is none
     */
    public DiskImage detach() {
        synchronized (idle) {
            DiskImage below = backing;
            if (below == null || inFlight.get() > 0) {
                throw new LifecycleException("Cannot take away the image below " + this + (below == null
                        ? ": there is none" : " while " + inFlight.get() + " requests are under way"));
            }
            backing = null;
            io.detach();
            driver.backed(false);
            return below;
        }
    }

    /**
     * Goes on over {@code next} in the place of the image below, which reads the same; nothing in the file says so.
     *
     * @return the image that was below, which is the caller's from now on; {@code next} is this one's
     * @throws LifecycleException if requests are under way, or there is no image below
     */
    public DiskImage exchangeBacking(DiskImage next) {
        synchronized (idle) {
            DiskImage below = detach();
            backing = next;
            io.attach(next.io);
            driver.backed(true);
            return below;
        }
    }

    private BlockInfo describe() {
        long size = driver.size();
        int logical = size % 512 == 0 ? 512 : 1;
        return new BlockInfo(size, logical, 4096, 0, readOnly, Math.max(driver.granule(), 512), 1 << 30, false);
    }

    /** What the image can do beyond a disk: its format's operations. */
    public ImageDriver driver() {
        return driver;
    }

    /** The image that holds what this one does not. */
    public Optional<DiskImage> backing() {
        return Optional.ofNullable(backing);
    }

    @Override
    public BlockInfo info() {
        return info;
    }

    @Override
    public void submit(BlockRequest request) {
        inFlight.incrementAndGet();
        if (closing) {
            finish(request, BlockResult.CANCELLED, null);
            return;
        }
        engine.execute(this, request);
    }

    /** Carries {@code request} out and completes it. */
    void perform(BlockRequest request) {
        BlockResult result;
        Throwable cause = null;
        try {
            result = attempt(request);
        } catch (CorruptImageException damage) {
            result = BlockResult.CORRUPT;
            cause = damage;
        } catch (HostException refused) {
            result = "ENOSPC".equals(refused.errnoName()) ? BlockResult.NO_SPACE : BlockResult.IO_ERROR;
            cause = refused;
        } catch (VzException failure) {
            result = BlockResult.IO_ERROR;
            cause = failure;
        } catch (IndexOutOfBoundsException | IllegalStateException | IllegalArgumentException
                | UnsupportedOperationException | WrongThreadException unusableBuffer) {
            // A buffer that is closed, read-only or another thread's is the request's fault, and no reason to throw.
            result = BlockResult.INVALID;
            cause = unusableBuffer;
        }
        finish(request, result, cause);
    }

    /** Carries {@code request}, a read or a write, out if memory alone can answer or takes it; whether it did. */
    boolean performNow(BlockRequest request) {
        try {
            boolean read = request.operation() == BlockRequest.Operation.READ;
            boolean lasts = readOnly || (request.flags() & BlockRequest.FUA) != 0 || driver.flushWanted();
            if (request.check(driver.size()) != null
                    || !(read ? io.readNow(request) : !lasts && io.writeNow(request))) {
                return false;
            }
        } catch (VzException | IndexOutOfBoundsException | IllegalStateException | IllegalArgumentException
                | UnsupportedOperationException | WrongThreadException left) {
            return false; // the careful way meets it again, and reports it
        }
        finish(request, BlockResult.OK, null);
        return true;
    }

    private BlockResult attempt(BlockRequest request) {
        BlockResult bad = request.check(driver.size());
        if (bad != null) {
            return bad;
        }
        switch (request.operation()) {
            case READ -> io.read(request);
            case FLUSH -> {
                if (!readOnly) {
                    driver.flush();
                }
            }
            case WRITE, DISCARD, WRITE_ZEROES -> {
                if (readOnly) {
                    return BlockResult.READ_ONLY;
                }
                return change(request);
            }
        }
        return BlockResult.OK;
    }

    private BlockResult change(BlockRequest request) {
        switch (request.operation()) {
            case WRITE -> io.write(request);
            case DISCARD -> io.discard(request.offset(), request.length());
            default -> {
                if ((request.flags() & BlockRequest.FAST_ONLY) != 0
                        && !io.zeroesFast(request.offset(), request.length())) {
                    return BlockResult.NOT_FAST;
                }
                io.writeZeroes(request.offset(), request.length(), (request.flags() & BlockRequest.MAY_UNMAP) != 0);
            }
        }
        if ((request.flags() & BlockRequest.FUA) != 0 || driver.flushWanted()) {
            driver.flush();
        }
        return BlockResult.OK;
    }

    private void finish(BlockRequest request, BlockResult result, @Nullable Throwable cause) {
        if (inFlight.decrementAndGet() == 0 && closing) {
            synchronized (idle) {
                idle.notifyAll();
            }
        }
        if (cause == null) {
            request.complete(result);
        } else {
            request.fail(result, cause);
        }
    }

    @Override
    public BlockExtent status(long offset, long length) {
        MapExtent extent = map(offset, length);
        return new BlockExtent(extent.offset(), extent.length(), extent.present() && extent.depth() == 0,
                extent.zero());
    }

    /**
     * Tells where the bytes from {@code offset} are in the chain: the first extent, which ends at {@code offset + length}
     * at the latest.
     */
    public MapExtent map(long offset, long length) {
        if (offset < 0 || length <= 0 || length > driver.size() - offset) {
            throw new ConfigurationException("Cannot map " + length + " bytes at " + offset + " of a disk of "
                    + driver.size() + " bytes");
        }
        return io.map(offset, length);
    }

    /**
     * Compresses {@code source}, which nobody changes meanwhile, into the image at {@code offset}. Both are multiples of the format's unit, except at the
     * end of the disk; what does not become smaller is written as it is.
     */
    public void writeCompressed(long offset, MemorySegment source) {
        requireWritable();
        io.writeCompressed(offset, source);
    }

    /**
     * Reads what {@link #writeState} has written, zeros where nothing was.
     *
     * @param offset bytes from the start of the room behind the disk
     * @throws CapabilityException if images of this format have no such room
     */
    public void readState(long offset, MemorySegment target) {
        io.read(stateAt(state(), offset), target, 0, target.byteSize());
    }

    /**
     * Writes into the room that the image has behind the disk, which the disk does not show: for a machine's memory.
     *
     * @param offset bytes from the start of the room behind the disk
     * @throws CapabilityException if images of this format have no such room
     */
    public void writeState(long offset, MemorySegment source) {
        requireWritable();
        StateDriver state = state();
        long at = stateAt(state, offset);
        state.reachState(Math.addExact(at, source.byteSize()));
        io.write(at, source, 0, source.byteSize());
    }

    private static long stateAt(StateDriver state, long offset) {
        if (offset < 0) {
            throw new ConfigurationException("The state of a machine starts at byte 0, not at " + offset);
        }
        return Math.addExact(state.stateStart(), offset);
    }

    private StateDriver state() {
        if (driver instanceof StateDriver state) {
            return state;
        }
        throw new CapabilityException("Images of the format " + driver.format()
                + " have no room for the state of a machine; qcow2 images do");
    }

    private void requireWritable() {
        if (readOnly) {
            throw new LifecycleException("The image " + driver.file().name() + " is open for reading only");
        }
    }

    @Override
    public void resize(long size) {
        requireWritable();
        long before = driver.size();
        driver.resize(size);
        if (size > before) {
            // What a smaller disk left in its last cluster, or what a longer backing image has there, is not the new
            // disk's content.
            long granule = driver.granule();
            DiskImage below = backing;
            long end = Math.max((before + granule - 1) / granule * granule, below == null ? 0 : below.driver.size());
            io.writeZeroes(before, Math.min(size, end) - before, true);
        }
        info = describe();
        Runnable listener = resizeListener;
        if (listener != null) {
            listener.run();
        }
    }

    @Override
    public void onResize(@Nullable Runnable listener) {
        resizeListener = listener;
    }

    @Override
    public void close() {
        boolean interrupted = false;
        synchronized (idle) {
            closing = true;
            while (inFlight.get() > 0) {
                try {
                    idle.wait();
                } catch (InterruptedException later) {
                    interrupted = true;
                }
            }
            if (!closed) {
                closed = true;
                try {
                    driver.close();
                } finally {
                    DiskImage below = backing;
                    if (below != null) {
                        below.close();
                    }
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return driver.format() + " image " + driver.file().name();
    }
}
