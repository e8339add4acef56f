/**
 * What the hot paths cost. Each class measures one path beside the least that the JVM could do for the same result, so
 * that the figure to look at is a ratio and not a time on somebody's machine. The paths that promise to allocate nothing
 * are held to it by tests, on the same code that is measured.
 */
@NullMarked
package dev.vz.benchmarks;

import org.jspecify.annotations.NullMarked;
