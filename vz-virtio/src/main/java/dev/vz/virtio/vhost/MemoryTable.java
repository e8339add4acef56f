package dev.vz.virtio.vhost;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.file.FileStatus;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.memory.Seal;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The front end's memory, mapped here. Changed only while no queue works.
 *
 * <p>
 * A file that is shorter than the region it is said to hold is refused: touching it would end in SIGBUS. One that can
 * still be cut off afterwards is sealed against that where it is a memory file that allows it; otherwise the JVM turns
 * the signal into an {@link InternalError}, which stops the queue that ran into it.
 */
final class MemoryTable implements AutoCloseable {

    /** The most regions at a time. */
    static final int MOST_REGIONS = 64;
    private static final long PAGE = 4096;
    private static final Logger LOG = System.getLogger(MemoryTable.class.getName());

    private final GuestMemory memory;
    private final List<Mapped> regions = new ArrayList<>();

    private record Mapped(long userAddress, MemoryRegion region, MappedMemory mapping) {}

    MemoryTable(GuestMemory memory) {
        this.memory = memory;
    }

    /** Adds a region of {@code descriptor}, which stays the caller's. */
    void add(long guestAddress, long size, long userAddress, long fileOffset, FileDescriptor descriptor) {
        if (regions.size() == MOST_REGIONS || size <= 0 || size % PAGE != 0 || guestAddress % PAGE != 0
                || fileOffset < 0 || fileOffset % PAGE != 0 || size > MappedMemory.MAXIMUM_SIZE
                || fileOffset > MappedMemory.MAXIMUM_SIZE
                || Long.compareUnsigned(guestAddress + (size - 1), guestAddress) < 0) {
            throw new FormatException(String.format("a memory region of 0x%x bytes at 0x%x, file offset 0x%x, as number"
                    + " %d: regions are whole pages, %d at the most", size, guestAddress, fileOffset, regions.size(),
                    MOST_REGIONS));
        }
        FileStatus status = FileStatus.of(descriptor);
        if (status.kind() != FileStatus.Kind.REGULAR || status.size() < fileOffset + size) {
            throw new FormatException("a memory region ends at byte " + (fileOffset + size) + " of a " + status.kind()
                    + " file of " + status.size() + " bytes; it must lie in a regular file");
        }
        // A file of huge pages is mapped in units of them, which is what its file system calls its block size.
        long unit = Math.max(PAGE, status.preferredBlockSize());
        if (Long.bitCount(unit) != 1) {
            unit = PAGE;
        }
        seal(descriptor);
        long start = fileOffset / unit * unit;
        long end = Math.min(Math.ceilDiv(fileOffset + size, unit) * unit,
                Math.ceilDiv(status.size(), PAGE) * PAGE);
        MappedMemory mapping = MappedMemory.map(Mapping.of(descriptor, start, end - start).named("vhost-user memory"));
        try {
            MemoryRegion region = MemoryRegion.borrowed(guestAddress,
                    mapping.segment().asSlice(fileOffset - start, size));
            memory.add(region);
            regions.add(new Mapped(userAddress, region, mapping));
        } catch (ConfigurationException overlap) {
            mapping.close();
            throw new FormatException("a memory region cannot be: " + overlap.getMessage(), overlap);
        }
    }

    private static void seal(FileDescriptor descriptor) {
        try {
            Set<Seal> seals = MemoryFile.seals(descriptor);
            if (!seals.contains(Seal.SHRINK) && !seals.contains(Seal.SEAL)) {
                MemoryFile.seal(descriptor, EnumSet.of(Seal.SHRINK));
            }
        } catch (HostException noMemoryFile) {
            LOG.log(Level.DEBUG, "Memory of a vhost-user front end cannot be sealed", noMemoryFile);
        }
    }

    /** Removes the region with these addresses and size. */
    void remove(long guestAddress, long size, long userAddress) {
        for (Mapped mapped : regions) {
            if (mapped.region.guestAddress() == guestAddress && mapped.region.size() == size
                    && mapped.userAddress == userAddress) {
                regions.remove(mapped);
                memory.remove(mapped.region);
                mapped.mapping.close();
                return;
            }
        }
        throw new FormatException(String.format("there is no memory region of 0x%x bytes at 0x%x to be removed", size,
                guestAddress));
    }

    /** The guest-physical address of what the front end has at {@code userAddress}; -1 if it has nothing there. */
    long guestAddress(long userAddress) {
        for (Mapped mapped : regions) {
            long offset = userAddress - mapped.userAddress;
            if (Long.compareUnsigned(offset, mapped.region.size()) < 0) {
                return mapped.region.guestAddress() + offset;
            }
        }
        return -1;
    }

    void clear() {
        for (Mapped mapped : regions) {
            memory.remove(mapped.region);
            mapped.mapping.close();
        }
        regions.clear();
    }

    @Override
    public void close() {
        clear();
    }
}
