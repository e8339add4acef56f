/**
 * Work over whole disks. {@link dev.vz.storage.job.DiskCopy} converts one image into another, in parallel where order does
 * not matter, and {@link dev.vz.storage.job.DiskComparison} finds where two disks differ;
 * {@link dev.vz.storage.job.DiskBackup} copies what has changed, and {@link dev.vz.storage.job.DiskMirror} moves a disk that is
 * in use; a {@link dev.vz.storage.job.DiskChain} grows and shrinks under its users, and a
 * {@link dev.vz.storage.job.DiskCheckpoint} is one moment of several. Jobs run on the caller's thread and their own, tell how far they are, and stop when they are asked to.
 */
@NullMarked
package dev.vz.storage.job;

import org.jspecify.annotations.NullMarked;
