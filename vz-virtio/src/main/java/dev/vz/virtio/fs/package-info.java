/**
 * The shared folder (virtio 1.3, 5.11): FUSE requests from the guest, answered from a folder of the host or from any
 * {@link java.nio.file.FileSystem} such as a zip archive. {@link dev.vz.virtio.fs.FileSystemDevice} is the device and
 * {@link dev.vz.virtio.fs.SharedFolder} what it shares. Names come from a hostile guest: no request leaves the folder,
 * follows a symbolic link of it, or waits on a special file.
 */
@NullMarked
package dev.vz.virtio.fs;

import org.jspecify.annotations.NullMarked;
