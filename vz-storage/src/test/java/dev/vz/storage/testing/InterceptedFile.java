package dev.vz.storage.testing;

import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file that tells of every call before it goes on to another file; who is told may wait, or throw. */
public final class InterceptedFile extends ForwardingFile {

    /** What is done with the file. */
    public enum Call {
        /** Bytes are read. */
        READ,
        /** Bytes change, by a write, zeros, a discard or another length. */
        CHANGE,
        /** What was written is to be durable. */
        FLUSH
    }

    /** Told of calls. */
    @FunctionalInterface
    public interface Interceptor {
        /** {@code call} of {@code length} bytes at {@code position} is about to happen. */
        void before(Call call, long position, long length);
    }

    private final Interceptor interceptor;

    /** Tells {@code interceptor} of what is done with {@code below}. */
    public InterceptedFile(ImageFile below, Interceptor interceptor) {
        super(below);
        this.interceptor = interceptor;
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        interceptor.before(Call.READ, position, length);
        super.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        interceptor.before(Call.CHANGE, position, length);
        super.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        interceptor.before(Call.FLUSH, 0, 0);
        super.flush();
    }

    @Override
    public void resize(long size) {
        interceptor.before(Call.CHANGE, size, 0);
        super.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        interceptor.before(Call.CHANGE, position, length);
        super.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        interceptor.before(Call.CHANGE, position, length);
        super.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        interceptor.before(Call.CHANGE, position, length);
        super.writeZeroes(position, length, mayUnmap);
    }
}
