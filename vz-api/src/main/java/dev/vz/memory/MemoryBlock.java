package dev.vz.memory;

import java.lang.foreign.MemorySegment;

/**
 * A piece of host memory that a guest will see, as a {@link MemoryAllocator} made it.
 *
 * <p>
 * Whoever allocated it closes it, once, after every vCPU and device that uses it has ended; from then on an access
 * through {@link #segment()} throws {@link IllegalStateException} and never touches the host's memory. Close is idempotent
 * and may be called from any thread.
 */
public interface MemoryBlock extends AutoCloseable {

    /** All bytes, zeroed at first, page-aligned, usable from every thread. */
    MemorySegment segment();

    /** Number of bytes. */
    default long size() {
        return segment().byteSize();
    }

    /** What was asked for. */
    MemoryRequest request();

    /**
     * Gives the memory back to the host. Idempotent; any thread.
     *
     * @throws dev.vz.error.LifecycleException if a system call on another thread is using the segment; nothing is given
     *                                         back then, and it may be closed later
     */
    @Override
    void close();

    /** A block whose bytes live in a file that another process can map. */
    interface Shareable extends MemoryBlock {
        /** The descriptor; it stays the block's and is closed with it. */
        int fileDescriptor();

        /** Where the block starts in that file, in bytes. */
        long fileOffset();
    }

    /** A block that can give pages back to the host while the guest keeps its addresses. */
    interface Reclaimable extends MemoryBlock {
        /**
         * Gives back {@code [offset, offset + length)}; the bytes read as zero afterwards.
         *
         * @param offset bytes from the start, a multiple of the page size
         * @param length bytes, a multiple of the page size
         */
        void reclaim(long offset, long length);

        /** How many bytes of the block the host holds in memory now. */
        long residentBytes();
    }

    /**
     * A block whose addresses stay its own after {@link #close()}, for as long as this object can be reached.
     *
     * <p>
     * The bytes are given back to the host by {@code close()}, as those of any block are. But the addresses are not used
     * for anything else, and an access to one is harmless: it reads what nobody needs and writes where nobody looks. So
     * {@link GuestMemory} may access such a block by address, without asking before each access whether it is open; an
     * access that a close overtakes does no damage. The addresses are given back when the collector finds the block
     * unreachable.
     */
    interface Lasting extends MemoryBlock {
        /**
         * All addresses of this process as one segment that never closes: the byte at address {@code a} is at its offset
         * {@code a}. For those who know which addresses are theirs.
         */
        MemorySegment addressSpace();
    }
}
