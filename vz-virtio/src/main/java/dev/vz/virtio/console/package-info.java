/**
 * The console device (virtio 1.3, 5.3): one or several ports, each a stream of bytes both ways, with sizes, names and a
 * control queue. {@link dev.vz.virtio.console.ConsoleDevice} is the device, {@link dev.vz.virtio.console.ConsolePort} what
 * the host reads from and writes to. Everything else is how messages reach the driver in order.
 */
@NullMarked
package dev.vz.virtio.console;

import org.jspecify.annotations.NullMarked;
