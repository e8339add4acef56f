package dev.vz.virtio.net;

/**
 * Frames that went through a card since it was made. The counts of one direction are taken one after the other: while
 * frames pass they may be a batch apart.
 *
 * @param sentFrames      given to the link
 * @param sentBytes       without headers of the device
 * @param sentDropped     not taken by the link, or not what was agreed on
 * @param receivedFrames  given to the driver
 * @param receivedBytes   without headers of the device
 * @param receivedDropped no buffer, a buffer too short, or not what was agreed on
 * @param filtered        not for this card
 */
public record NetCounters(long sentFrames, long sentBytes, long sentDropped, long receivedFrames, long receivedBytes,
        long receivedDropped, long filtered) {}
