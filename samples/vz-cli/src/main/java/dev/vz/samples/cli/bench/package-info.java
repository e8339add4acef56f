/**
 * {@code vz bench}: vz beside others of its kind, in turns, on whatever machine it is called. What is compared is a
 * guest of fourteen computing kernels, compiled when the comparison starts, the boot of the guest kit as a whole
 * process, and gateways, switches and services for guests in network namespaces. Only {@link dev.vz.samples.cli.bench.BenchCommand} is for others.
 */
@NullMarked
package dev.vz.samples.cli.bench;

import org.jspecify.annotations.NullMarked;
