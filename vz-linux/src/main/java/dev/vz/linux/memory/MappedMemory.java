package dev.vz.linux.memory;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.MemoryCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Memory that this process has mapped, with one owner.
 *
 * <p>
 * {@link #segment()} is usable from every thread until {@link #close()}, which unmaps it; from then on an access throws
 * {@link IllegalStateException} and never reaches whatever the kernel maps there next. Closing costs tens of microseconds
 * and makes every thread deoptimize once: map once per machine, not once per request. All methods may be called from any
 * thread.
 */
public final class MappedMemory implements AutoCloseable {

    /** Bytes of a base page on x86-64. */
    public static final long PAGE = 4096;

    /** The largest mapping: half of the 128 TiB that user space has, so that guards and alignment cannot overflow. */
    public static final long MAXIMUM_SIZE = 1L << 46;

    private static final long TRANSPARENT_HUGE_PAGE = 2 << 20;

    private final Mapping mapping;
    private final Arena arena;
    private final MemorySegment segment;

    private MappedMemory(Mapping mapping, Arena arena, MemorySegment segment) {
        this.mapping = mapping;
        this.arena = arena;
        this.segment = segment;
    }

    /**
     * Maps what {@code mapping} describes.
     *
     * @throws HostException if the kernel refuses: no memory, no huge pages in the pool, a file that cannot be mapped so
     */
    public static MappedMemory map(Mapping mapping) {
        return map(mapping, false);
    }

    /**
     * Maps what {@code mapping} describes at addresses that nobody else is given after {@link #close()}, as
     * {@link dev.vz.memory.MemoryBlock.Lasting} promises: empty pages take their place until this object cannot be reached.
     *
     * @throws HostException as {@link #map(Mapping)} does
     */
    public static MappedMemory mapLasting(Mapping mapping) {
        return map(mapping, true);
    }

    private static MappedMemory map(Mapping mapping, boolean lasting) {
        NativeAccess.require();
        long pageSize = mapping.pageSize() == 0 ? PAGE : mapping.pageSize();
        boolean reserve = mapping.guarded() || mapping.transparentHugePages();
        // Where the addresses can be chosen anyway, they suit the kernel's own huge pages.
        long alignment = mapping.size() >= TRANSPARENT_HUGE_PAGE ? Math.max(pageSize, TRANSPARENT_HUGE_PAGE) : pageSize;
        long reservedSize = reserve ? mapping.size() + 2 * alignment + PAGE : mapping.size();
        // The reservation is inaccessible and costs address space only; the mapping replaces its middle, and what is
        // left on both sides is the guard. Nobody else can be given these addresses meanwhile.
        long reserved = reserve ? reserve(mapping, reservedSize) : 0;
        long start = reserve ? alignUp(reserved + PAGE, alignment) : 0;
        long address = MemoryCalls.mmap(start, mapping.size(), access(mapping).value(), flags(mapping, reserve),
                descriptor(mapping), mapping.fileOffset());
        if (address < 0) {
            HostException failure = refused(mapping, address);
            if (reserve) {
                unmap(mapping, reserved, reservedSize);
            }
            throw failure;
        }
        long outer = reserve ? reserved : address;
        var arena = Arena.ofShared();
        try {
            var end = new End(mapping, outer, reservedSize);
            MemorySegment bytes = MemorySegment.ofAddress(address).reinterpret(mapping.size(), arena,
                    gone -> end.reach());
            var memory = new MappedMemory(mapping, arena, mapping.writable() ? bytes : bytes.asReadOnly());
            if (lasting) {
                end.kept = RetiredAddresses.of(memory, outer, reservedSize);
            }
            memory.name();
            if (mapping.transparentHugePages()) {
                memory.advise(Advice.HUGE_PAGE, 0, mapping.size());
            }
            if (mapping.populated()) {
                // After the advice, so that the pages are huge at once.
                memory.advise(mapping.writable() ? Advice.POPULATE_WRITE : Advice.POPULATE_READ, 0, mapping.size());
            }
            return memory;
        } catch (RuntimeException | Error failure) {
            arena.close();
            throw failure;
        }
    }

    /** What was mapped. */
    public Mapping mapping() {
        return mapping;
    }

    /** The bytes; zeroed at first where the memory is anonymous. */
    public MemorySegment segment() {
        return segment;
    }

    /** Address of the first byte in this process. */
    public long address() {
        return segment.address();
    }

    /** Number of bytes. */
    public long size() {
        return mapping.size();
    }

    /** Whether {@link #close()} has not ended it. */
    public boolean isOpen() {
        return segment.scope().isAlive();
    }

    /**
     * Tells the kernel how {@code [offset, offset + length)} will be used.
     *
     * @param offset bytes, a multiple of the page size
     * @param length bytes
     * @throws HostException if the kernel does not know the advice or cannot follow it
     */
    public void advise(Advice advice, long offset, long length) {
        checkRange("madvise " + advice, offset, length);
        int result;
        do {
            result = MemoryCalls.madvise(address() + offset, length, advice.value());
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw Errno.failure("madvise " + advice, range(offset, length), result);
        }
    }

    /**
     * Changes what may be done with {@code [offset, offset + length)}.
     *
     * <p>
     * An access from Java that the pages forbid ends the JVM with SIGSEGV: this is for memory that a guest uses, and for
     * ranges that no code of the host touches meanwhile.
     *
     * @param offset bytes, a multiple of the page size
     * @param length bytes
     */
    public void protect(Access access, long offset, long length) {
        checkRange("mprotect " + access, offset, length);
        if (access == Access.READ_WRITE && !mapping.writable()) {
            throw new ConfigurationException(this + " was mapped read-only and cannot become writable");
        }
        int result = MemoryCalls.mprotect(address() + offset, length, access.value());
        if (result < 0) {
            throw Errno.failure("mprotect " + access, range(offset, length), result);
        }
    }

    /**
     * Gives {@code [offset, offset + length)} back to the host; it reads as zero afterwards. For a shared file that
     * punches a hole, which others see; a private mapping of a file is uncoupled from the file there.
     *
     * @param offset bytes, a multiple of the page size
     * @param length bytes, a multiple of the page size
     */
    public void discard(long offset, long length) {
        if (mapping.file() == null || mapping.shared()) {
            advise(mapping.shared() ? Advice.REMOVE : Advice.DO_NOT_NEED, offset, length);
            return;
        }
        checkRange("discard", offset, length);
        // Advice would uncover the file's bytes; fresh anonymous pages take their place instead.
        long result = MemoryCalls.mmap(address() + offset, length, access(mapping).value(),
                LinuxHeaders.MAP_PRIVATE() | LinuxHeaders.MAP_ANONYMOUS() | LinuxHeaders.MAP_NORESERVE()
                        | LinuxHeaders.MAP_FIXED(),
                -1, 0);
        if (result < 0) {
            throw Errno.failure("mmap of zeroes", range(offset, length), result);
        }
    }

    /** Keeps {@code [offset, offset + length)} in memory, never in swap. */
    public void lock(long offset, long length) {
        checkRange("mlock", offset, length);
        int result = MemoryCalls.mlock(address() + offset, length);
        if (result < 0) {
            throw Errno.failure("mlock", range(offset, length), result);
        }
    }

    /** Takes {@link #lock} back. */
    public void unlock(long offset, long length) {
        checkRange("munlock", offset, length);
        int result = MemoryCalls.munlock(address() + offset, length);
        if (result < 0) {
            throw Errno.failure("munlock", range(offset, length), result);
        }
    }

    /**
     * Writes changed pages of a shared file to it, and waits until they are there.
     *
     * @param offset bytes, a multiple of the page size
     * @param length bytes
     */
    public void sync(long offset, long length) {
        checkRange("msync", offset, length);
        int result = MemoryCalls.msync(address() + offset, length, LinuxHeaders.MS_SYNC());
        if (result < 0) {
            throw Errno.failure("msync", range(offset, length), result);
        }
    }

    /**
     * How many bytes of {@code [offset, offset + length)} the host holds in memory now: mincore(2). For a file, pages
     * that only others have brought in count too.
     *
     * @param offset bytes, a multiple of the page size
     * @param length bytes
     */
    public long residentBytes(long offset, long length) {
        checkRange("mincore", offset, length);
        // A piece at a time: the answer takes a byte per page, and a guest may have terabytes.
        long piece = 1L << 28;
        long resident = 0;
        try (var local = Arena.ofConfined()) {
            MemorySegment pages = local.allocate(Math.ceilDiv(Math.min(length, piece), PAGE));
            for (long done = 0; done < length; done += piece) {
                long now = Math.min(piece, length - done);
                int result = MemoryCalls.mincore(address() + offset + done, now, pages);
                if (result < 0) {
                    throw Errno.failure("mincore", range(offset + done, now), result);
                }
                for (long page = 0; page < Math.ceilDiv(now, PAGE); page++) {
                    resident += pages.get(ValueLayout.JAVA_BYTE, page) & 1;
                }
            }
        }
        return resident * PAGE;
    }

    /** How the memory is held, by the kernel's account of this process's mappings. */
    public MemoryUsage usage() {
        checkRange("reading the usage", 0, mapping.size());
        return MemoryUsage.of(address(), mapping.size());
    }

    /**
     * Unmaps the memory and its guards; does nothing the second time.
     *
     * @throws LifecycleException if another thread is inside a call that uses the memory; it stays mapped then
     */
    @Override
    public synchronized void close() {
        if (!isOpen()) {
            return;
        }
        try {
            arena.close();
        } catch (IllegalStateException inUse) {
            throw new LifecycleException(this + " cannot be unmapped while a system call uses it; end the threads that"
                    + " use it first", inUse);
        }
    }

    @Override
    public String toString() {
        return range(0, mapping.size());
    }

    private static long reserve(Mapping mapping, long size) {
        long address = MemoryCalls.mmap(0, size, LinuxHeaders.PROT_NONE(),
                LinuxHeaders.MAP_PRIVATE() | LinuxHeaders.MAP_ANONYMOUS() | LinuxHeaders.MAP_NORESERVE(), -1, 0);
        if (address < 0) {
            throw refused(mapping, address);
        }
        return address;
    }

    private static void unmap(Mapping mapping, long address, long size) {
        int result = MemoryCalls.munmap(address, size);
        if (result < 0) {
            throw Errno.failure("munmap", "mapping \"" + mapping.name() + "\" at 0x" + Long.toHexString(address)
                    + " of " + size + " bytes", result);
        }
    }

    /** What closing does. Holds nothing of the memory itself, which the collector is to find unreachable. */
    private static final class End {
        private final Mapping mapping;
        private final long address;
        private final long size;
        private @Nullable RetiredAddresses kept;

        End(Mapping mapping, long address, long size) {
            this.mapping = mapping;
            this.address = address;
            this.size = size;
        }

        void reach() {
            if (kept == null) {
                unmap(mapping, address, size);
            } else {
                kept.retire();
            }
        }
    }

    private static Access access(Mapping mapping) {
        return mapping.writable() ? Access.READ_WRITE : Access.READ;
    }

    private static int descriptor(Mapping mapping) {
        FileDescriptor file = mapping.file();
        return file == null ? -1 : file.value();
    }

    private static int flags(Mapping mapping, boolean fixed) {
        int flags = mapping.shared() ? LinuxHeaders.MAP_SHARED() : LinuxHeaders.MAP_PRIVATE();
        if (mapping.file() == null) {
            flags |= LinuxHeaders.MAP_ANONYMOUS();
        }
        if (mapping.pageSize() > PAGE) {
            flags |= LinuxHeaders.MAP_HUGETLB()
                    | Long.numberOfTrailingZeros(mapping.pageSize()) << LinuxHeaders.MAP_HUGE_SHIFT();
        }
        // Explicit huge pages are always reserved: without, touching one when the pool is empty ends the JVM with SIGBUS.
        if (!mapping.committed() && mapping.pageSize() <= PAGE) {
            flags |= LinuxHeaders.MAP_NORESERVE();
        }
        return fixed ? flags | LinuxHeaders.MAP_FIXED() : flags;
    }

    private static HostException refused(Mapping mapping, long result) {
        String target = "mapping \"" + mapping.name() + "\" of " + mapping.size() + " bytes";
        int errno = (int) -result;
        if (mapping.pageSize() > PAGE && (errno == Errno.ENOMEM || errno == Errno.EINVAL)) {
            return new HostException("mmap", target, errno, Errno.name(errno), "the pool of " + mapping.pageSize()
                    + "-byte huge pages is too small: raise nr_hugepages under /sys/kernel/mm/hugepages");
        }
        return Errno.failure("mmap", target, result);
    }

    // Kernels without CONFIG_ANON_VMA_NAME answer EINVAL; the name is a help to people and nothing depends on it.
    private void name() {
        if (mapping.file() == null) {
            MemoryNames.set(address(), size(), mapping.name());
        }
    }

    private void checkRange(String operation, long offset, long length) {
        if (!isOpen()) {
            throw new LifecycleException(operation + ": " + this + " is unmapped");
        }
        if (offset < 0 || length < 0 || length > mapping.size() - offset) {
            throw new ConfigurationException(operation + ": bytes " + offset + " to " + (offset + length)
                    + " are not within " + this);
        }
    }

    private String range(long offset, long length) {
        return "mapping \"" + mapping.name() + "\", " + length + " bytes at 0x" + Long.toHexString(address() + offset);
    }

    private static long alignUp(long value, long alignment) {
        return (value + alignment - 1) & -alignment;
    }
}
