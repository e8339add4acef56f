/**
 * vhost-user: a device served to another virtual machine monitor over a Unix socket, after QEMU's "Vhost-user Protocol".
 * {@link dev.vz.virtio.vhost.VhostUserServer} is the back end, for any {@link dev.vz.virtio.device.VirtioDevice}; the other
 * side's memory is mapped, its queues are worked on here, and eventfds carry the notifications.
 * {@link dev.vz.virtio.vhost.VhostUserDevice} is the front end: a device of our guest that another process works for. Whatever the other side
 * sends is hostile: a message that cannot be ends its connection, and nothing else.
 */
@NullMarked
package dev.vz.virtio.vhost;

import org.jspecify.annotations.NullMarked;
