package dev.vz.virtio.fs;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A file that the guest has open. Used by one thread at a time. */
interface OpenFile {

    /** Reads up to {@code length} bytes from {@code position} on; fewer at the end of the file, 0 behind it. */
    int read(long position, MemorySegment target, long offset, int length) throws IOException;

    /** Writes up to {@code length} bytes; returns how many. */
    int write(long position, MemorySegment source, long offset, int length) throws IOException;

    /** Makes it {@code size} bytes long. */
    void truncate(long size) throws IOException;

    /** Makes what was written durable. */
    void sync() throws IOException;

    /** Bytes. */
    long size() throws IOException;

    /** Ends its use; what was written reaches it. */
    void release() throws IOException;
}
