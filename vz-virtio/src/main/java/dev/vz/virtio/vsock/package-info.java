/**
 * Sockets between guest and host (virtio 1.3, 5.10): streams, either side connects. {@link dev.vz.virtio.vsock.VsockDevice}
 * is the device and the Java API, {@link dev.vz.virtio.vsock.VsockConnection} one stream with blocking calls for virtual
 * threads, and {@link dev.vz.virtio.vsock.UnixBridge} carries streams to and from Unix sockets of the host.
 */
@NullMarked
package dev.vz.virtio.vsock;

import org.jspecify.annotations.NullMarked;
