/**
 * The one place where functions of the C library are linked and called.
 *
 * <p>
 * Not exported. Every function goes through one of a handful of shared shapes, because linking a new shape costs
 * milliseconds while a further function of a known shape costs microseconds. Results follow the kernel's convention:
 * the value, or the error number negated.
 */
@NullMarked
package dev.vz.linux.call;

import org.jspecify.annotations.NullMarked;
