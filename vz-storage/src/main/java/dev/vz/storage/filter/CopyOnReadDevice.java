package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Keeps what is read: data that an image takes from the one below it is written into the image when it is read, in whole
 * units, so that the image needs the one below less and less. Reading works on when that writing fails.
 *
 * <p>
 * A copy never overtakes a write: the two wait for each other where they touch the same units. Thread-safe.
 */
public final class CopyOnReadDevice extends FilterDevice {

    private static final System.Logger LOGGER = System.getLogger(CopyOnReadDevice.class.getName());

    private final int unit;
    private final RangeGate gate = new RangeGate();
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::written);
    /** Of one unit each; as many as threads that copied at the same time. */
    private final Queue<MemorySegment> buffers = new ConcurrentLinkedQueue<>();
    private final ExecutorService copiers;

    /**
     * Over {@code below}, whose {@link BlockDevice#status} tells what it holds itself.
     *
     * @param unit bytes that are copied together, a power of two from 512 to 1 MiB: the image's cluster
     */
    public CopyOnReadDevice(BlockDevice below, int unit) {
        super(below);
        if (unit < 512 || unit > 1 << 20 || Integer.bitCount(unit) != 1) {
            throw new ConfigurationException("Copies are made in units of a power of two from 512 bytes to 1 MiB, not "
                    + unit);
        }
        this.unit = unit;
        copiers = Executors.newFixedThreadPool(2,
                task -> Thread.ofPlatform().name("vz-copy-on-read").daemon().unstarted(task));
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult bad = request.check(info().size());
        if (bad != null) {
            request.complete(bad);
        } else if (request.operation() == Operation.FLUSH || request.length() == 0) {
            super.submit(request);
        } else if (request.operation() == Operation.READ) {
            copiers.execute(() -> read(request));
        } else {
            long start = request.offset() / unit * unit;
            long end = (request.offset() + request.length() + unit - 1) / unit * unit;
            ChildRequest child = children.take(request);
            RangeGate.Hold hold = gate.hold(start, end, false);
            child.request.attach(hold);
            hold.whenHeld(() -> below().submit(child.like(request, request.offset())));
        }
    }

    private void written(ChildRequest child, BlockResult result) {
        if (child.request.attachment() instanceof RangeGate.Hold hold) {
            child.request.attach(null);
            gate.release(hold);
        }
        child.end(result);
    }

    private void read(BlockRequest request) {
        try {
            keep(request.offset(), request.length());
        } catch (VzException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "What was read of " + below() + " could not be kept", failure);
        }
        super.submit(request);
    }

    /** Takes over what the units of a range have from further below, without giving it to anybody. May block. */
    public void keep(long offset, long length) {
        long at = offset / unit * unit;
        long end = Math.min(info().size(), (offset + length + unit - 1) / unit * unit);
        while (at < end) {
            BlockExtent extent = below().status(at, end - at);
            long stop = at + extent.length();
            if (!extent.allocated() && !extent.zero()) {
                for (long start = at / unit * unit; start < stop; start += unit) {
                    copy(start, Math.min(unit, info().size() - start));
                }
            }
            at = stop;
        }
    }

    /** Ends the threads that copy; the device below stays open for others. Nothing is under way. */
    public void release() {
        copiers.close();
    }

    private void copy(long start, long length) {
        RangeGate.Hold hold = gate.hold(start, start + length, true);
        hold.await();
        // Any thread of the device's may touch it.
        MemorySegment buffer = buffers.poll();
        if (buffer == null) {
            buffer = Arena.ofAuto().allocate(unit, 4096);
        }
        try {
            // Somebody may have written it, or part of it, before this had the units for itself.
            long at = start;
            while (at < start + length) {
                BlockExtent extent = below().status(at, start + length - at);
                if (!extent.allocated() && !extent.zero()) {
                    MemorySegment data = buffer.asSlice(0, extent.length());
                    below().read(at, data);
                    below().write(at, data);
                }
                at += extent.length();
            }
        } finally {
            buffers.add(buffer);
            gate.release(hold);
        }
    }

    @Override
    public void close() {
        copiers.close();
        super.close();
    }
}
