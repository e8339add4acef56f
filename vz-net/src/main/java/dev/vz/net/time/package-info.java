/**
 * Time as networks need it: a clock that counts nanoseconds, and one that a test turns by hand. Everything with a
 * timeout takes a {@link dev.vz.net.time.NetClock} and never asks the system itself. Nothing here waits.
 */
@NullMarked
package dev.vz.net.time;

import org.jspecify.annotations.NullMarked;
