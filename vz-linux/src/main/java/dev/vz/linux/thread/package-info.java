/**
 * The kernel's view of threads: ids, signals and their masks, processors, priorities, names, network namespaces.
 *
 * <p>
 * Masks, names and namespaces belong to the calling thread, so these methods are for platform threads: a virtual thread
 * would change whichever thread carries it at the moment, and is refused.
 */
@NullMarked
package dev.vz.linux.thread;

import org.jspecify.annotations.NullMarked;
