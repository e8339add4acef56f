/**
 * {@code vz bench}: the software CPU beside QEMU's TCG, in turns, on whatever machine it is called. What is compared is a
 * guest of fourteen computing kernels, compiled when the comparison starts, and the boot of the guest kit as a whole
 * process. Only {@link dev.vz.samples.cli.bench.BenchCommand} is for others.
 */
@NullMarked
package dev.vz.samples.cli.bench;

import org.jspecify.annotations.NullMarked;
