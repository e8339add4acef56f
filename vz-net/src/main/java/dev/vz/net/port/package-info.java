/**
 * The ends of Ethernet links: TAP interfaces, unix sockets in QEMU's framing, VXLAN tunnels, impaired links. Each is a
 * {@link dev.vz.link.LinkPort} whose descriptors an {@link dev.vz.linux.event.EpollLoop} watches; its sink is called on that
 * loop's thread. What a peer sends is bounded and checked here, before anybody else sees it.
 */
@NullMarked
package dev.vz.net.port;

import org.jspecify.annotations.NullMarked;
