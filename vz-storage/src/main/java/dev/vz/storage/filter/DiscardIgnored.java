package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;

/** Keeps storage that a user gives back: a discard succeeds and does nothing. */
public final class DiscardIgnored extends FilterDevice {

    /** Over {@code below}. */
    public DiscardIgnored(BlockDevice below) {
        super(below);
    }

    @Override
    public BlockInfo info() {
        BlockInfo info = super.info();
        return new BlockInfo(info.size(), info.logicalBlockSize(), info.physicalBlockSize(), info.optimalTransfer(),
                info.readOnly(), 0, info.maxTransfer(), info.rotational());
    }

    @Override
    public void submit(BlockRequest request) {
        if (request.operation() == BlockRequest.Operation.DISCARD) {
            BlockResult bad = request.check(super.info().size());
            request.complete(bad != null ? bad : BlockResult.OK);
        } else {
            super.submit(request);
        }
    }
}
