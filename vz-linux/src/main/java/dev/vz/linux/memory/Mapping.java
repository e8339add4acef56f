package dev.vz.linux.memory;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.FileDescriptor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Describes a mapping, for {@link MappedMemory#map}. Immutable.
 *
 * @param size                 bytes, a positive multiple of the page size
 * @param file                 what to map; {@code null} for anonymous memory
 * @param fileOffset           where in the file the mapping starts, in bytes, a multiple of the page size
 * @param shared               whether writes reach the file and other processes, or stay private to this mapping
 * @param writable             whether the bytes can be written
 * @param pageSize             bytes per page: 0 for the host's base pages, otherwise explicit huge pages (hugetlbfs)
 * @param transparentHugePages whether the kernel is advised to use huge pages where it can
 * @param guarded              whether an inaccessible page lies before and after, so that an overrun in native code
 *                             faults instead of reaching a neighbour
 * @param populated            whether every page is taken at once
 * @param committed            whether swap is reserved for all of it; without, more can be promised than there is.
 *                             Explicit huge pages are always reserved
 * @param name                 shown in errors, and in {@code /proc/self/maps} where the kernel can
 */
public record Mapping(long size, @Nullable FileDescriptor file, long fileOffset, boolean shared, boolean writable,
        long pageSize, boolean transparentHugePages, boolean guarded, boolean populated, boolean committed,
        String name) {

    /** Checks sizes and alignments. */
    public Mapping {
        Objects.requireNonNull(name);
        if (pageSize != 0 && (pageSize < MappedMemory.PAGE || Long.bitCount(pageSize) != 1)) {
            throw new ConfigurationException("Mapping \"" + name + "\" cannot use pages of " + pageSize
                    + " bytes; use 0 for the host's own, or a power of two such as 2 MiB");
        }
        long unit = pageSize == 0 ? MappedMemory.PAGE : pageSize;
        if (size <= 0 || size % unit != 0) {
            throw new ConfigurationException("Mapping \"" + name + "\" must be a positive multiple of " + unit
                    + " bytes, got " + size);
        }
        if (fileOffset < 0 || fileOffset % unit != 0 || file == null && fileOffset != 0) {
            throw new ConfigurationException("Mapping \"" + name + "\" cannot start at file offset " + fileOffset
                    + "; it must be a multiple of " + unit + ", and 0 for anonymous memory");
        }
        if (size > MappedMemory.MAXIMUM_SIZE || fileOffset > Long.MAX_VALUE - size) {
            throw new ConfigurationException("Mapping \"" + name + "\" of " + size + " bytes is larger than the "
                    + MappedMemory.MAXIMUM_SIZE + " bytes of an address space");
        }
    }

    /** {@code size} bytes of private zeroed memory whose pages come as they are touched. */
    public static Mapping anonymous(long size) {
        return new Mapping(size, null, 0, false, true, 0, false, false, false, false, "anonymous");
    }

    /** {@code size} bytes of {@code file} from {@code offset} on, shared and writable. */
    public static Mapping of(FileDescriptor file, long offset, long size) {
        return new Mapping(size, file, offset, true, true, 0, false, false, false, false, file.description());
    }

    /** Other processes that map the same file see writes, and a child process sees anonymous memory. */
    public Mapping asShared() {
        return new Mapping(size, file, fileOffset, true, writable, pageSize, transparentHugePages, guarded, populated,
                committed, name);
    }

    /** Writes stay in this mapping: copy on write. */
    public Mapping copyOnWrite() {
        return new Mapping(size, file, fileOffset, false, writable, pageSize, transparentHugePages, guarded, populated,
                committed, name);
    }

    /** The bytes can be read only; the segment refuses writes. */
    public Mapping asReadOnly() {
        return new Mapping(size, file, fileOffset, shared, false, pageSize, transparentHugePages, guarded, populated,
                committed, name);
    }

    /** Explicit huge pages of {@code pageSize} bytes, from the pool in {@code /sys/kernel/mm/hugepages}. */
    public Mapping hugePages(long pageSize) {
        return new Mapping(size, file, fileOffset, shared, writable, pageSize, transparentHugePages, guarded, populated,
                committed, name);
    }

    /** Aligned for huge pages, and the kernel is advised to use them where it can. */
    public Mapping transparent() {
        return new Mapping(size, file, fileOffset, shared, writable, pageSize, true, guarded, populated, committed,
                name);
    }

    /** With an inaccessible page before and after. */
    public Mapping withGuards() {
        return new Mapping(size, file, fileOffset, shared, writable, pageSize, transparentHugePages, true, populated,
                committed, name);
    }

    /** All pages are taken, and swap is reserved, before {@link MappedMemory#map} returns. */
    public Mapping populate() {
        return new Mapping(size, file, fileOffset, shared, writable, pageSize, transparentHugePages, guarded, true,
                true, name);
    }

    /** Under another name. */
    public Mapping named(String name) {
        return new Mapping(size, file, fileOffset, shared, writable, pageSize, transparentHugePages, guarded, populated,
                committed, name);
    }
}
