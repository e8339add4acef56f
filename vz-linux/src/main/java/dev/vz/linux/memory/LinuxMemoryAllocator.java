package dev.vz.linux.memory;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.file.FileSpace;
import dev.vz.linux.file.FileStatus;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRequest;
import dev.vz.memory.MemoryRequest.Allocation;
import dev.vz.memory.MemoryRequest.Backing;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Guest memory by mmap: every backing, guard pages, huge pages, and pages that can be given back.
 *
 * <p>
 * Fixed memory is taken at once, on huge pages where the host has some to spare. Dynamic memory is taken as it is
 * touched, follows the host's own policy for huge pages, and promises swap to nobody. Memory files are sealed: their size
 * stays. Every block is {@link MemoryBlock.Reclaimable}; blocks in a memory file or a shared file are
 * {@link MemoryBlock.Shareable}. Thread-safe.
 */
public final class LinuxMemoryAllocator implements MemoryAllocator {

    private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/hugepages");

    /** An allocator; it holds no resources of its own. */
    public LinuxMemoryAllocator() {}

    @Override
    public String name() {
        return "linux";
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public boolean supports(MemoryRequest request) {
        return NativeAccess.isAvailable() && hasPages(request) && request.size() <= MappedMemory.MAXIMUM_SIZE;
    }

    @Override
    public MemoryBlock allocate(MemoryRequest request) {
        NativeAccess.require();
        if (!hasPages(request)) {
            throw new CapabilityException("Guest memory \"" + request.name() + "\": this host has no pages of "
                    + request.pageSize() + " bytes for backing " + request.backing() + "; the kernel lists its sizes"
                    + " in " + HUGE_PAGES);
        }
        return switch (request.backing()) {
            case ANONYMOUS -> new Block(request, MappedMemory.mapLasting(describe(request, null)));
            case MEMFD -> inMemoryFile(request);
            case FILE, FILE_PRIVATE -> inFile(request, Objects.requireNonNull(request.file()));
        };
    }

    private static MemoryBlock inMemoryFile(MemoryRequest request) {
        var file = MemoryFile.create(request.name(), request.size(), request.pageSize());
        try {
            file.seal(EnumSet.of(Seal.SHRINK, Seal.GROW));
            return new SharedBlock(request, MappedMemory.mapLasting(describe(request, file.descriptor())),
                    file.descriptor());
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    private static MemoryBlock inFile(MemoryRequest request, Path path) {
        boolean copy = request.backing() == Backing.FILE_PRIVATE;
        var file = copy
                ? FileDescriptor.open(path, OpenFlag.READ)
                : FileDescriptor.open(path, 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE);
        try {
            long found = FileStatus.of(file).size();
            if (found < request.size()) {
                // Touching a page past the end of a file ends the JVM with SIGBUS, so the end is where it has to be.
                if (copy) {
                    throw new ConfigurationException("Guest memory \"" + request.name() + "\" needs " + request.size()
                            + " bytes from " + path + ", which has " + found);
                }
                FileSpace.resize(file, request.size());
            }
            var memory = MappedMemory.mapLasting(describe(request, file));
            if (!copy) {
                return new SharedBlock(request, memory, file);
            }
            file.close();
            return new Block(request, memory);
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    private static Mapping describe(MemoryRequest request, @Nullable FileDescriptor file) {
        boolean huge = request.pageSize() > MappedMemory.PAGE;
        boolean fixed = request.allocation() == Allocation.FIXED;
        boolean inMemory = request.backing() == Backing.ANONYMOUS || request.backing() == Backing.MEMFD;
        boolean shared = request.backing() == Backing.MEMFD || request.backing() == Backing.FILE;
        return new Mapping(request.size(), file, 0, shared, true, huge ? request.pageSize() : 0,
                fixed && !huge && inMemory, request.guarded(), fixed, fixed, request.name());
    }

    private static boolean hasPages(MemoryRequest request) {
        if (request.pageSize() <= MappedMemory.PAGE) {
            return true;
        }
        boolean inMemory = request.backing() == Backing.ANONYMOUS || request.backing() == Backing.MEMFD;
        return inMemory && Files.isDirectory(HUGE_PAGES.resolve("hugepages-" + request.pageSize() / 1024 + "kB"));
    }

    private static class Block implements MemoryBlock.Reclaimable, MemoryBlock.Lasting {
        private static final MemorySegment ADDRESS_SPACE = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

        private final MemoryRequest request;
        private final MappedMemory memory;

        Block(MemoryRequest request, MappedMemory memory) {
            this.request = request;
            this.memory = memory;
        }

        @Override
        public MemorySegment segment() {
            return memory.segment();
        }

        @Override
        public MemoryRequest request() {
            return request;
        }

        @Override
        public MemorySegment addressSpace() {
            return ADDRESS_SPACE;
        }

        @Override
        public void reclaim(long offset, long length) {
            long page = Math.max(request.pageSize(), MappedMemory.PAGE);
            if (offset % page != 0 || length % page != 0) {
                throw new ConfigurationException("Only whole pages of " + page + " bytes of " + memory
                        + " can be given back, got " + length + " bytes at offset " + offset);
            }
            memory.discard(offset, length);
        }

        @Override
        public long residentBytes() {
            return memory.residentBytes(0, memory.size());
        }

        @Override
        public void close() {
            memory.close();
        }

        @Override
        public String toString() {
            return memory.toString();
        }
    }

    private static final class SharedBlock extends Block implements MemoryBlock.Shareable {
        private final FileDescriptor file;

        SharedBlock(MemoryRequest request, MappedMemory memory, FileDescriptor file) {
            super(request, memory);
            this.file = file;
        }

        @Override
        public int fileDescriptor() {
            return file.value();
        }

        @Override
        public long fileOffset() {
            return 0;
        }

        @Override
        public void close() {
            super.close();
            file.close();
        }
    }
}
