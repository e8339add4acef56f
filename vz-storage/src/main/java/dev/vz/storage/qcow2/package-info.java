/**
 * The qcow2 format, versions 2 and 3, by QEMU's docs/interop/qcow2.txt. {@link dev.vz.storage.qcow2.Qcow2Driver} maps,
 * {@link dev.vz.storage.qcow2.Qcow2Format} creates; tables are cached and written in an order that leaves a consistent
 * image after a crash at any moment. Field names are the specification's.
 */
@NullMarked
package dev.vz.storage.qcow2;

import org.jspecify.annotations.NullMarked;
