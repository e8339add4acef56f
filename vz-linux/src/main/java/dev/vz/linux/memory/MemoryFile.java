package dev.vz.linux.memory;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.call.MemoryCalls;
import dev.vz.linux.file.FileSpace;
import dev.vz.linux.file.FileStatus;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;

/**
 * An unnamed file in memory: memfd_create(2). It can be mapped, handed to another process and sealed.
 *
 * <p>
 * Lives until its descriptor, every copy of it and every mapping are gone. Thread-safe.
 */
public final class MemoryFile implements AutoCloseable {

    /** The kernel's limit for the name, without its "memfd:" prefix and the terminator. */
    private static final int MAXIMUM_NAME = 249;

    private final FileDescriptor descriptor;

    private MemoryFile(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /**
     * Makes a file of {@code size} zero bytes on base pages that come as they are touched. It can be sealed.
     *
     * @param name shown in {@code /proc}; at most {@value #MAXIMUM_NAME} bytes
     */
    public static MemoryFile create(String name, long size) {
        return create(name, size, 0);
    }

    /**
     * Makes a file of {@code size} zero bytes. It can be sealed.
     *
     * @param pageSize 0 for base pages, otherwise huge pages of that many bytes, a power of two
     * @throws HostException if the kernel refuses, for example with {@code ENODEV} for a page size it does not have
     */
    public static MemoryFile create(String name, long size, long pageSize) {
        if (name.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_NAME) {
            throw new ConfigurationException("The name of a memory file has at most " + MAXIMUM_NAME
                    + " bytes, got \"" + name + "\"");
        }
        if (pageSize != 0 && (pageSize < MappedMemory.PAGE || Long.bitCount(pageSize) != 1)) {
            throw new ConfigurationException("Memory file \"" + name + "\" cannot use pages of " + pageSize
                    + " bytes; use 0 for the host's own, or a power of two such as 2 MiB");
        }
        NativeAccess.require();
        int flags = LinuxHeaders.MFD_CLOEXEC() | LinuxHeaders.MFD_ALLOW_SEALING();
        if (pageSize > MappedMemory.PAGE) {
            flags |= LinuxHeaders.MFD_HUGETLB()
                    | Long.numberOfTrailingZeros(pageSize) << LinuxHeaders.MAP_HUGE_SHIFT();
        }
        int result;
        try (var local = Arena.ofConfined()) {
            result = MemoryCalls.memfdCreate(local.allocateFrom(name), flags);
        }
        if (result < 0) {
            throw Errno.failure("memfd_create", "\"" + name + "\" with pages of "
                    + (pageSize == 0 ? MappedMemory.PAGE : pageSize) + " bytes", result);
        }
        var file = new MemoryFile(FileDescriptor.adopt(result, "memfd:" + name));
        try {
            file.resize(size);
            return file;
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** Number of bytes. */
    public long size() {
        return FileStatus.of(descriptor).size();
    }

    /**
     * Makes it {@code size} bytes long; what is added reads as zero.
     *
     * @throws HostException {@code EPERM} if a seal forbids it
     */
    public void resize(long size) {
        FileSpace.resize(descriptor, size);
    }

    /** Takes memory for {@code [offset, offset + length)} now, so that touching it cannot fail later. */
    public void allocate(long offset, long length) {
        FileSpace.allocate(descriptor, offset, length);
    }

    /** Gives the memory of {@code [offset, offset + length)} back; it reads as zero, in every mapping. */
    public void punchHole(long offset, long length) {
        FileSpace.punchHole(descriptor, offset, length);
    }

    /** Sets seals, for good. */
    public void seal(Set<Seal> seals) {
        seal(descriptor, seals);
    }

    /**
     * Sets seals, for good, on a memory file that another process handed over.
     *
     * @throws HostException {@code EINVAL} if it is no memory file, {@code EPERM} if it cannot be sealed any more
     */
    public static void seal(FileDescriptor descriptor, Set<Seal> seals) {
        int bits = 0;
        for (Seal seal : seals) {
            bits |= seal.bit();
        }
        int result = FileCalls.fcntl(descriptor.value(), LinuxHeaders.F_ADD_SEALS(), bits);
        if (result < 0) {
            throw Errno.failure("fcntl F_ADD_SEALS " + seals, descriptor, result);
        }
    }

    /** The seals that are set. */
    public Set<Seal> seals() {
        return seals(descriptor);
    }

    /**
     * The seals of a memory file that another process handed over: check for {@link Seal#SHRINK} before mapping it.
     *
     * @throws HostException {@code EINVAL} if it is no memory file
     */
    public static Set<Seal> seals(FileDescriptor descriptor) {
        int bits = Errno.check("fcntl F_GET_SEALS", descriptor,
                FileCalls.fcntl(descriptor.value(), LinuxHeaders.F_GET_SEALS(), 0));
        var seals = EnumSet.noneOf(Seal.class);
        for (Seal seal : Seal.values()) {
            if ((bits & seal.bit()) != 0) {
                seals.add(seal);
            }
        }
        return seals;
    }

    /** Describes a shared mapping of all of it. */
    public Mapping mapping(long pageSize) {
        return Mapping.of(descriptor, 0, size()).hugePages(pageSize);
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }
}
