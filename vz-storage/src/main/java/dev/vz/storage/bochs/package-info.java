/**
 * Growing disk images of the Bochs emulator, which are read. {@link dev.vz.storage.bochs.BochsDriver} maps them by their
 * catalog of extents and each extent's bitmap of sectors; the layout is that of Bochs' {@code hdimage} documentation.
 */
@NullMarked
package dev.vz.storage.bochs;

import org.jspecify.annotations.NullMarked;
