package dev.vz.block;

/**
 * A run of bytes that are alike.
 *
 * @param offset    first byte on the device
 * @param length    number of bytes, 1 or more
 * @param allocated whether this layer holds it (as opposed to a backing layer, or nothing)
 * @param zero      whether it reads as zeros for certain
 */
public record BlockExtent(long offset, long length, boolean allocated, boolean zero) {}
