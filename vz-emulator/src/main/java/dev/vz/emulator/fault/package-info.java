/**
 * Exceptions of the processor: their vectors, and the Java exception that carries one from the instruction that raises it
 * to the loop that delivers it. Nothing here allocates after a virtual CPU is made.
 */
@NullMarked
package dev.vz.emulator.fault;

import org.jspecify.annotations.NullMarked;
