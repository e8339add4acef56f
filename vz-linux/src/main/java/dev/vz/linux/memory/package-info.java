/**
 * Mappings and memory files: what guest memory is made of on Linux.
 *
 * <p>
 * A {@link dev.vz.linux.memory.Mapping} describes, {@link dev.vz.linux.memory.MappedMemory#map} makes, and one close ends
 * it; {@link dev.vz.linux.memory.MemoryFile} is a memfd with seals, to share with another process.
 * {@link dev.vz.linux.memory.LinuxMemoryAllocator} offers both behind the house's
 * {@link dev.vz.memory.MemoryAllocator} seam; nothing else here is needed to run a machine.
 */
@NullMarked
package dev.vz.linux.memory;

import org.jspecify.annotations.NullMarked;
