/**
 * What a system call costs from Java.
 *
 * <p>
 * {@link dev.vz.benchmarks.linux.SystemCalls} has the calls for JMH;
 * {@link dev.vz.benchmarks.linux.SystemCallsAgainstC} times the same ones against a C program and prints the ratio.
 */
@NullMarked
package dev.vz.benchmarks.linux;

import org.jspecify.annotations.NullMarked;
