/**
 * The Debian guest kit: an unmodified Debian kernel and a busybox userland, fetched once and kept in the cache folder.
 * {@link dev.vz.samples.cli.kit.DebianGuestKit} fetches, {@link dev.vz.samples.cli.kit.KitInitramfs} builds the first
 * root file system from it, written by {@link dev.vz.samples.cli.kit.CpioArchive}. Nothing here knows of virtual
 * machines.
 */
@NullMarked
package dev.vz.samples.cli.kit;

import org.jspecify.annotations.NullMarked;
