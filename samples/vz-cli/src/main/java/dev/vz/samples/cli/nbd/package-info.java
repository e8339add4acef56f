/**
 * {@code vz nbd}: disk images served to NBD clients with the options of qemu-nbd, and exports of other servers described
 * and copied. Each command is a thin shell over {@code dev.vz.storage.nbd}; {@code NbdCommand} is the entry, everything
 * else may change.
 */
@NullMarked
package dev.vz.samples.cli.nbd;

import org.jspecify.annotations.NullMarked;
