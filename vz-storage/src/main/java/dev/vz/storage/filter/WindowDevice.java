package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;

/** A part of a device as a device of its own: a partition, or an image behind a header. */
public final class WindowDevice extends FilterDevice {

    private final long start;
    private final BlockInfo info;
    private final ChildRequest.Pool children = new ChildRequest.Pool(ChildRequest::end);

    private WindowDevice(BlockDevice below, long start, BlockInfo info) {
        super(below);
        this.start = start;
        this.info = info;
    }

    /**
     * The {@code length} bytes of {@code below} from {@code start} on.
     *
     * @throws ConfigurationException if they do not lie on it
     */
    public static WindowDevice of(BlockDevice below, long start, long length) {
        BlockInfo whole = below.info();
        if (start < 0 || length < 0 || start > whole.size() || length > whole.size() - start) {
            throw new ConfigurationException("A window of " + length + " bytes at " + start
                    + " does not lie on a disk of " + whole.size() + " bytes");
        }
        // A window that is not in step with the disk's blocks is one of bytes.
        int block = start % whole.logicalBlockSize() == 0 && length % whole.logicalBlockSize() == 0
                ? whole.logicalBlockSize()
                : 1;
        return new WindowDevice(below, start, new BlockInfo(length, block, whole.physicalBlockSize(),
                whole.optimalTransfer(), whole.readOnly(), whole.discardGranularity(), whole.maxTransfer(),
                whole.rotational()));
    }

    @Override
    public BlockInfo info() {
        return info;
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult bad = request.check(info.size());
        if (bad != null) {
            request.complete(bad);
            return;
        }
        ChildRequest child = children.take(request);
        below().submit(child.like(request, request.operation() == BlockRequest.Operation.FLUSH ? 0
                : request.offset() + start));
    }

    @Override
    public BlockExtent status(long offset, long length) {
        if (offset < 0 || length <= 0 || length > info.size() - offset) {
            throw new ConfigurationException("Cannot ask about " + length + " bytes at " + offset
                    + " of a window of " + info.size() + " bytes");
        }
        BlockExtent extent = below().status(start + offset, length);
        return new BlockExtent(offset, extent.length(), extent.allocated(), extent.zero());
    }
}
