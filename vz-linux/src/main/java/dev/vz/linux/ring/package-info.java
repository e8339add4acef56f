/**
 * io_uring: requests to the kernel through shared memory, many with one system call. {@link dev.vz.linux.ring.IoRing} is
 * one pair of queues, of one thread at a time. Where the kernel or a sandbox forbids it, opening says so and the caller
 * takes positional calls instead.
 */
@NullMarked
package dev.vz.linux.ring;

import org.jspecify.annotations.NullMarked;
