/**
 * The network block device protocol, both sides. {@link dev.vz.storage.nbd.NbdServer} shows block devices to clients,
 * {@link dev.vz.storage.nbd.NbdClient} is a block device behind which a server stands; both speak the fixed newstyle
 * handshake with structured replies, block status and TLS. Neither trusts what the other side sends.
 */
@NullMarked
package dev.vz.storage.nbd;

import org.jspecify.annotations.NullMarked;
