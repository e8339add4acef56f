/**
 * Hyper-V's disk images, by Microsoft's "VHDX Format Specification" 1.00. {@link dev.vz.storage.vhdx.VhdxDriver} reads and
 * writes images, whose table changes go through the log, and replays a log that it finds; {@link
 * dev.vz.storage.vhdx.VhdxFormat} makes them.
 */
@NullMarked
package dev.vz.storage.vhdx;

import org.jspecify.annotations.NullMarked;
