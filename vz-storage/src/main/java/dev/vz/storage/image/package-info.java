/**
 * What an image format is to the layer above it. An {@link dev.vz.storage.image.ImageDriver} only maps: it tells where
 * bytes are, and makes a range writable; the data itself moves in {@link dev.vz.storage.DiskImage}, without any of the
 * driver's locks. Formats implement it, users need it only for what a format can do beyond reading and writing.
 */
@NullMarked
package dev.vz.storage.image;

import org.jspecify.annotations.NullMarked;
