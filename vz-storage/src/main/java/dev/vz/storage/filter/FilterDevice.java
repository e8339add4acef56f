package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import java.util.Objects;

/** What filters have in common: a device below, to which everything goes that the filter does not change. */
public abstract class FilterDevice implements BlockDevice {

    private final BlockDevice below;

    /** A filter over {@code below}, which it closes. */
    protected FilterDevice(BlockDevice below) {
        this.below = Objects.requireNonNull(below);
    }

    /** The device below. */
    public final BlockDevice below() {
        return below;
    }

    @Override
    public BlockInfo info() {
        return below.info();
    }

    @Override
    public void submit(BlockRequest request) {
        below.submit(request);
    }

    @Override
    public BlockExtent status(long offset, long length) {
        return below.status(offset, length);
    }

    @Override
    public void close() {
        below.close();
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + " over " + below;
    }
}
