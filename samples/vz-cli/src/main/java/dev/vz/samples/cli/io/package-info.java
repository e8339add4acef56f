/**
 * {@code vz io}: reads, writes and otherwise exercises an open disk image by short commands, with the command lines and the
 * output of qemu-io, whose place it takes in scripts. {@link dev.vz.samples.cli.io.IoCommand} is the way in; each group of
 * commands has a class, and {@link dev.vz.samples.cli.io.CommandTable} lists them.
 */
@NullMarked
package dev.vz.samples.cli.io;

import org.jspecify.annotations.NullMarked;
