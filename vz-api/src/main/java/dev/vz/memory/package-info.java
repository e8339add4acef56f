/**
 * Guest-physical memory: regions, typed little-endian access, bulk copies, dirty pages, and where the bytes come from.
 * {@link dev.vz.memory.GuestMemory} is what devices and back ends use; {@link dev.vz.memory.MemoryAllocator} is what
 * hosts implement. Guest-physical addresses are {@code long}s named {@code gpa} or {@code ...Address}, never host
 * addresses.
 */
@NullMarked
package dev.vz.memory;

import org.jspecify.annotations.NullMarked;
