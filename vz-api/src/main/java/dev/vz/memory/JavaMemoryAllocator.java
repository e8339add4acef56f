package dev.vz.memory;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Guest memory with nothing but the Java library: works on every host, without native access.
 *
 * <p>
 * Fixed memory is allocated off-heap and zeroed at once; {@code -XX:MaxDirectMemorySize} limits it. Dynamic memory is a
 * mapping of an unlinked sparse file in the temporary folder ({@code java.io.tmpdir}), so pages come as they are touched
 * and the folder needs room for those that are. There are no guard pages (every access is bounds-checked by Java), no huge
 * pages and no memfd. Copy-on-write needs a file that may be opened for writing, although nothing is written to it.
 */
public final class JavaMemoryAllocator implements MemoryAllocator {

    /** An allocator; it holds no resources of its own. */
    public JavaMemoryAllocator() {}

    @Override
    public String name() {
        return "java";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public boolean supports(MemoryRequest request) {
        return request.backing() != MemoryRequest.Backing.MEMFD
                && (request.pageSize() == 0 || request.pageSize() == MemoryRequest.PAGE);
    }

    @Override
    public MemoryBlock allocate(MemoryRequest request) {
        if (!supports(request)) {
            throw new CapabilityException("The pure Java allocator cannot make " + request
                    + "; add dev.vz:vz-linux to the module path for memfd and huge pages");
        }
        Arena arena = Arena.ofShared();
        try {
            return new Block(request, arena, map(request, arena));
        } catch (RuntimeException | Error failure) {
            arena.close();
            throw failure;
        }
    }

    private static MemorySegment map(MemoryRequest request, Arena arena) {
        Path file = request.file();
        try {
            if (file != null) {
                boolean copy = request.backing() == MemoryRequest.Backing.FILE_PRIVATE;
                try (var channel = copy
                        ? FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)
                        : FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE,
                                StandardOpenOption.CREATE)) {
                    if (copy && channel.size() < request.size()) {
                        // Mapping it would silently lengthen a file that is only to be read.
                        throw new ConfigurationException("Guest memory \"" + request.name() + "\" of " + request.size()
                                + " bytes cannot be resumed from " + file + ", which has only " + channel.size()
                                + " bytes");
                    }
                    return channel.map(copy ? MapMode.PRIVATE : MapMode.READ_WRITE, 0, request.size(), arena);
                }
            }
            if (request.allocation() == MemoryRequest.Allocation.FIXED) {
                return fixed(request, arena);
            }
            Path sparse = Files.createTempFile("vz-memory-", ".ram");
            try (var channel = FileChannel.open(sparse, StandardOpenOption.READ, StandardOpenOption.WRITE,
                    StandardOpenOption.SPARSE)) {
                return channel.map(MapMode.READ_WRITE, 0, request.size(), arena);
            } finally {
                Files.delete(sparse);
            }
        } catch (IOException failure) {
            throw new HostException("mapping " + request.size() + " bytes of guest memory",
                    file == null ? "a temporary file" : file.toString(), failure);
        }
    }

    private static MemorySegment fixed(MemoryRequest request, Arena arena) {
        try {
            return arena.allocate(request.size(), MemoryRequest.PAGE);
        } catch (OutOfMemoryError none) {
            throw new HostException("allocating " + request.size() + " bytes of fixed guest memory",
                    "the host's memory "
                            + "(within -XX:MaxDirectMemorySize)",
                    none);
        }
    }

    private static final class Block implements MemoryBlock {
        private final MemoryRequest request;
        private final Arena arena;
        private final MemorySegment segment;
        private final AtomicBoolean closed = new AtomicBoolean();

        Block(MemoryRequest request, Arena arena, MemorySegment segment) {
            this.request = request;
            this.arena = arena;
            this.segment = segment;
        }

        @Override
        public MemorySegment segment() {
            return segment;
        }

        @Override
        public MemoryRequest request() {
            return request;
        }

        @Override
        public void close() {
            if (!closed.compareAndSet(false, true)) {
                return;
            }
            try {
                arena.close();
            } catch (IllegalStateException inUse) {
                closed.set(false);
                throw new LifecycleException("Cannot close guest memory \"" + request.name()
                        + "\": a system call is still using it; close the machine and its devices first", inUse);
            }
        }
    }
}
