package dev.vz.kvm;

import dev.vz.linux.FileDescriptor;

/**
 * A guest_memfd: memory of one machine that is a file of its own and cannot be mapped unless it was made so.
 *
 * <p>
 * Whoever made it closes it, after the slots that use it are removed or the machine is closed. Thread-safe.
 */
public final class KvmGuestMemoryFile implements AutoCloseable {

    private final FileDescriptor descriptor;
    private final long size;
    private final boolean mappable;

    KvmGuestMemoryFile(FileDescriptor descriptor, long size, boolean mappable) {
        this.descriptor = descriptor;
        this.size = size;
        this.mappable = mappable;
    }

    /** The descriptor, which stays this object's. */
    public int fileDescriptor() {
        return descriptor.value();
    }

    /** Number of bytes. */
    public long size() {
        return size;
    }

    /** Whether this process may map it: its pages are shared with the guest then. */
    public boolean isMappable() {
        return mappable;
    }

    FileDescriptor descriptor() {
        return descriptor;
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
