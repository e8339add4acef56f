/**
 * TAP interfaces, the interfaces of this host and changes to its routing, and network namespaces.
 *
 * <p>
 * A {@link dev.vz.linux.network.TapDevice} carries Ethernet frames between the host's network and this process; its
 * descriptor is read and written with {@link dev.vz.linux.file.FileIo} and waited for like any other. Making one takes
 * CAP_NET_ADMIN in the network namespace of the calling thread.
 */
@NullMarked
package dev.vz.linux.network;

import org.jspecify.annotations.NullMarked;
