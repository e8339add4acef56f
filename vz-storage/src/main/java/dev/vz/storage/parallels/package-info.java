/**
 * Parallels' expanding disk images, by QEMU's docs/interop/parallels.txt. {@link dev.vz.storage.parallels.ParallelsDriver}
 * reads and writes them, {@link dev.vz.storage.parallels.ParallelsFormat} makes them. The format extension is left alone.
 */
@NullMarked
package dev.vz.storage.parallels;

import org.jspecify.annotations.NullMarked;
