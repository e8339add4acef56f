/**
 * {@code vz bench}: vz and its peers doing the same work in turns, on whatever machine it is called. The software CPU runs
 * beside QEMU's TCG, fourteen computing kernels, the boot of the guest kit, or a guest's disk and network; disk images
 * beside qemu-img; the NBD server beside qemu-nbd and nbdkit; gateways, switches and services beside others of their kind,
 * in network namespaces. Only {@link dev.vz.samples.cli.bench.BenchCommand} is for others.
 */
@NullMarked
package dev.vz.samples.cli.bench;

import org.jspecify.annotations.NullMarked;
