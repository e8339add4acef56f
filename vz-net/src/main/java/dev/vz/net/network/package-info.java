/**
 * Networks that last: definitions kept in a folder, and started and ended on a data plane, in the manner of virsh's net-
 * commands. There are two planes behind {@link dev.vz.net.network.NetworkPlane}: the switch of this library in this process,
 * and the kernel's bridge with nftables. Names and files come from people and are checked before they reach a file's name, a
 * command or a rule.
 */
@NullMarked
package dev.vz.net.network;

import org.jspecify.annotations.NullMarked;
