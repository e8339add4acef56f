package dev.vz.memory;

import dev.vz.error.ConfigurationException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What memory is asked of a {@link MemoryAllocator}.
 *
 * @param size       bytes, a multiple of 4096
 * @param allocation whether all of it is taken now or pages come as they are touched
 * @param backing    where the bytes live
 * @param file       the file, for {@link Backing#FILE}; otherwise {@code null}
 * @param pageSize   bytes per host page: {@code 0} for the host's default, 2 MiB or 1 GiB for huge pages
 * @param guarded    whether inaccessible pages surround it, so that an overrun faults instead of reading a neighbour
 * @param name       shown in the host's maps and in errors
 */
public record MemoryRequest(long size, Allocation allocation, Backing backing, @Nullable Path file, long pageSize,
        boolean guarded, String name) {

    /** When host pages are taken. */
    public enum Allocation {
        /** All pages are taken at once; the guest never waits for the host and never fails for lack of memory. */
        FIXED,
        /** Pages are taken as they are touched and can be given back; more may be promised than there is. */
        DYNAMIC
    }

    /** Where the bytes live. */
    public enum Backing {
        /** Private anonymous memory: fastest to make, cannot be shared with another process. */
        ANONYMOUS,
        /** An unnamed shared file in memory, sealed against shrinking: can be handed to another process. */
        MEMFD,
        /** A named file, mapped shared: survives the process. */
        FILE,
        /** A named file, mapped copy-on-write: the guest's writes stay private. Used to resume snapshots. */
        FILE_PRIVATE
    }

    /** The smallest unit of allocation in bytes. */
    public static final long PAGE = 4096;

    /** Checks the combination. */
    public MemoryRequest {
        Objects.requireNonNull(allocation);
        Objects.requireNonNull(backing);
        Objects.requireNonNull(name);
        if (size <= 0 || size % PAGE != 0) {
            throw new ConfigurationException("Guest memory \"" + name + "\" must be a positive multiple of " + PAGE
                    + " bytes, got " + size);
        }
        boolean needsFile = backing == Backing.FILE || backing == Backing.FILE_PRIVATE;
        if (needsFile != (file != null)) {
            throw new ConfigurationException("Guest memory \"" + name + "\" with backing " + backing
                    + (needsFile ? " needs a file" : " takes no file, got " + file));
        }
        if (pageSize != 0 && (pageSize < PAGE || Long.bitCount(pageSize) != 1 || size % pageSize != 0)) {
            throw new ConfigurationException("Guest memory \"" + name + "\" of " + size
                    + " bytes cannot use pages of " + pageSize + " bytes; use 0, or a power of two that divides it");
        }
    }

    /** {@code size} bytes of anonymous memory, taken as touched, with guard pages. */
    public static MemoryRequest of(long size) {
        return new MemoryRequest(size, Allocation.DYNAMIC, Backing.ANONYMOUS, null, 0, true, "guest-ram");
    }

    /** The same, taken as {@code allocation} says. */
    public MemoryRequest withAllocation(Allocation allocation) {
        return new MemoryRequest(size, allocation, backing, file, pageSize, guarded, name);
    }

    /** The same in a memfd. */
    public MemoryRequest inMemfd() {
        return new MemoryRequest(size, allocation, Backing.MEMFD, null, pageSize, guarded, name);
    }

    /** The same in {@code file}, mapped shared. */
    public MemoryRequest inFile(Path file) {
        return new MemoryRequest(size, allocation, Backing.FILE, file, pageSize, guarded, name);
    }

    /** The same over {@code file}, mapped copy-on-write. */
    public MemoryRequest overFile(Path file) {
        return new MemoryRequest(size, allocation, Backing.FILE_PRIVATE, file, pageSize, guarded, name);
    }

    /** The same on host pages of {@code pageSize} bytes. */
    public MemoryRequest withPageSize(long pageSize) {
        return new MemoryRequest(size, allocation, backing, file, pageSize, guarded, name);
    }

    /** The same with or without guard pages. */
    public MemoryRequest withGuard(boolean guarded) {
        return new MemoryRequest(size, allocation, backing, file, pageSize, guarded, name);
    }

    /** The same under another name. */
    public MemoryRequest named(String name) {
        return new MemoryRequest(size, allocation, backing, file, pageSize, guarded, name);
    }
}
