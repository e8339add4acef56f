/**
 * What closing something that has a thread comes down to.
 *
 * <p>
 * Whoever closes a loop, a worker or a server tells its thread to end, and goes on only when it has: what the thread used is
 * freed then. Such a wait must not be cut short, whatever is asked of the waiting thread meanwhile.
 */
@NullMarked
package dev.vz.thread;

import org.jspecify.annotations.NullMarked;
