/**
 * What flushing does to the software TLBs, seen through a processor that reads memory before and after its page tables
 * change. A TLB may keep what is not flushed, and must not keep what is; both are shown here, because the first is what
 * makes flushes cheap. The walk of page tables has its tests where instructions have theirs.
 */
@NullMarked
package dev.vz.emulator.memory;

import org.jspecify.annotations.NullMarked;
