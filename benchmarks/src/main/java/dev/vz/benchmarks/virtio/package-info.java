/**
 * How fast virtio is: the queues alone in JMH, and vhost-user back ends beside those of DPDK and QEMU in one run each. The
 * side-by-side runs need the peers installed and are started by hand ({@code main}); they take turns, and print medians.
 * Nothing outside this package uses what is in it.
 */
@NullMarked
package dev.vz.benchmarks.virtio;

import org.jspecify.annotations.NullMarked;
