package dev.vz.machine;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.MemoryRequest;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A machine's RAM.
 *
 * @param size       bytes, a multiple of 4096, 2 MiB or more
 * @param allocation whether all of it is taken at once or pages come as they are touched
 * @param backing    where the bytes live
 * @param file       the file, for the backings that have one
 * @param pageSize   bytes per host page; 0 for the host's default
 */
public record MemoryDescription(long size, MemoryRequest.Allocation allocation, MemoryRequest.Backing backing,
        Optional<Path> file, long pageSize) {

    private static final long SMALLEST = 2L << 20;
    /** 52 physical address bits less the hole: what x86-64 can address at all. */
    private static final long LARGEST = 1L << 51;

    /** Checks the combination. */
    public MemoryDescription {
        if (size < SMALLEST || size > LARGEST) {
            throw new ConfigurationException("A machine's memory is between 2 MiB and 2 PiB, got " + size + " bytes");
        }
        toRequest("memory", size, allocation, backing, file, pageSize);
    }

    /** {@code size} bytes of anonymous memory, taken as touched. */
    public static MemoryDescription of(long size) {
        return new MemoryDescription(size, MemoryRequest.Allocation.DYNAMIC, MemoryRequest.Backing.ANONYMOUS,
                Optional.empty(), 0);
    }

    /** What is asked of the memory allocator. */
    public MemoryRequest toRequest(String name) {
        return toRequest(name, size, allocation, backing, file, pageSize);
    }

    private static MemoryRequest toRequest(String name, long size, MemoryRequest.Allocation allocation,
            MemoryRequest.Backing backing, Optional<Path> file, long pageSize) {
        return new MemoryRequest(size, allocation, backing, file.orElse(null), pageSize, true, name);
    }
}
