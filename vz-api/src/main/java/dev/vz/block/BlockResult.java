package dev.vz.block;

/** How a {@link BlockRequest} ended. */
public enum BlockResult {
    /** Done. */
    OK,
    /** The host could not read or write; {@link BlockRequest#cause()} says more. */
    IO_ERROR,
    /** No space is left for new data. */
    NO_SPACE,
    /** The range does not lie on the device. */
    OUT_OF_RANGE,
    /** The request is malformed: buffers and length differ, or it is not aligned to the device's blocks. */
    INVALID,
    /** A write to a device that is read-only. */
    READ_ONLY,
    /** {@link BlockRequest#FAST_ONLY} was set and there is no fast way. */
    NOT_FAST,
    /** The image's own metadata is damaged; the device refuses further writes. */
    CORRUPT,
    /** The device is closed, or the request was cancelled. */
    CANCELLED
}
