/**
 * Disk images as {@link dev.vz.block.BlockDevice}s. {@link dev.vz.storage.DiskImage} opens an image of a stated format and
 * does all data I/O; what an image implies (a backing file, a data file) is opened only through the caller's gate. Start
 * at {@link dev.vz.storage.DiskImage#open(java.nio.file.Path, dev.vz.storage.image.ImageFormat, OpenOptions)}.
 */
@NullMarked
package dev.vz.storage;

import org.jspecify.annotations.NullMarked;
