/**
 * Guests that are really booted by the tests: the guest kit's first process under a peer's emulator, and the whole
 * {@code vz} command inside a guest that has hardware virtualization. Every run has a time limit and says how long it
 * took.
 */
@NullMarked
package dev.vz.samples.cli.nested;

import org.jspecify.annotations.NullMarked;
