/**
 * QED, QEMU's former enhanced disk format, by its specification in QEMU's interoperability documents. {@link
 * dev.vz.storage.qed.QedDriver} reads and writes images, {@link dev.vz.storage.qed.QedFormat} makes them. There is no need
 * for the format's "needs a check" mark here: tables are written after what they point to.
 */
@NullMarked
package dev.vz.storage.qed;

import org.jspecify.annotations.NullMarked;
