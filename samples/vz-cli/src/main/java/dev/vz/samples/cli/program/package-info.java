/**
 * Runs test programs that bring no operating system, such as those of kvm-unit-tests: loads them as a Multiboot loader
 * does, and gives them the devices that they expect of a test machine. They judge the processor that runs them; nothing
 * else in {@code vz} uses this.
 */
@NullMarked
package dev.vz.samples.cli.program;

import org.jspecify.annotations.NullMarked;
