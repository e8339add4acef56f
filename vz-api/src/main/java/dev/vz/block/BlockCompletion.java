package dev.vz.block;

/** Is told when a {@link BlockRequest} is done. */
@FunctionalInterface
public interface BlockCompletion {

    /**
     * The request is done and the submitter's again. Called once for each submission, possibly before {@code submit}
     * returns, on the submitting thread or on one of the device's; must not block.
     */
    void completed(BlockRequest request, BlockResult result);
}
