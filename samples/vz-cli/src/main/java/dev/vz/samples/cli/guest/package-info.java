/**
 * One run of a guest, as the command {@code vz boot} wants it: which back end, what is put into the guest, what comes out
 * of its serial ports, and how the run ended. Terminals are in {@link dev.vz.samples.cli.console}; the machine itself is
 * that of {@code dev.vz.machine}.
 */
@NullMarked
package dev.vz.samples.cli.guest;

import org.jspecify.annotations.NullMarked;
