/**
 * The files that images live in. {@link dev.vz.storage.file.ImageFile} is the seam to the host: positional reads and
 * writes, flushes, holes; {@link dev.vz.storage.file.HostFile} is the real one. {@link dev.vz.storage.image.FileGate}
 * in the package above decides which further files an image may draw in.
 */
@NullMarked
package dev.vz.storage.file;

import org.jspecify.annotations.NullMarked;
