/**
 * A virtual Ethernet switch: {@link dev.vz.net.bridge.VirtualSwitch} connects any {@link dev.vz.link.LinkPort}s, learns where
 * stations are, keeps VLANs, groups and isolated ports apart, and guards against stations that pretend. Frames pass in
 * batches, with their offloads untouched where the next port takes them, and without an allocation each. Names are those of
 * IEEE 802.1Q and 802.1D.
 */
@NullMarked
package dev.vz.net.bridge;

import org.jspecify.annotations.NullMarked;
