/**
 * VirtualBox's disk images. {@link dev.vz.storage.vdi.VdiDriver} reads and writes dynamic and static images of version 1.1,
 * {@link dev.vz.storage.vdi.VdiFormat} makes them. Differencing images are not known here and are refused.
 */
@NullMarked
package dev.vz.storage.vdi;

import org.jspecify.annotations.NullMarked;
