/**
 * The software CPU against QEMU's: the same guest computes the same kernels on translated code, on the interpreter and on
 * {@code qemu-system-x86_64 -accel tcg}, in turns. The guest is C and a few lines of assembly in the resources, compiled by
 * gcc when the benchmark starts. Nothing here is part of the library.
 */
@NullMarked
package dev.vz.benchmarks.emulator;

import org.jspecify.annotations.NullMarked;
