/**
 * What guest memory costs from Java.
 *
 * <p>
 * {@link dev.vz.benchmarks.memory.MemoryAgainstC} times typed accesses and copies against a C program whose guest memory
 * is built the same way: a table of regions, searched and checked for every access. Nothing here needs a hypervisor.
 */
@NullMarked
package dev.vz.benchmarks.memory;

import org.jspecify.annotations.NullMarked;
