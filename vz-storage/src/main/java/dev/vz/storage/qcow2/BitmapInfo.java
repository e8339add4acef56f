package dev.vz.storage.qcow2;

/**
 * A persistent bitmap of what was written: section "Bitmaps".
 *
 * @param name        unique within the image
 * @param granularity bytes of the disk for each bit, a power of two
 * @param enabled     whether writes are recorded ("auto")
 * @param consistent  whether it is complete; it is not if whoever recorded did not come to store it ("in-use")
 */
public record BitmapInfo(String name, int granularity, boolean enabled, boolean consistent) {}
