package dev.vz.storage.testing;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file that tells of every call before it goes on to another file; who is told may wait, or throw. */
public record InterceptedFile(ImageFile below, Interceptor interceptor) implements ImageFile {

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

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public boolean readOnly() {
        return below.readOnly();
    }

    @Override
    public long size() {
        return below.size();
    }

    @Override
    public long allocatedBytes() {
        return below.allocatedBytes();
    }

    @Override
    public Object identity() {
        return below.identity();
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        interceptor.before(Call.READ, position, length);
        below.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        interceptor.before(Call.CHANGE, position, length);
        below.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        interceptor.before(Call.FLUSH, 0, 0);
        below.flush();
    }

    @Override
    public void resize(long size) {
        interceptor.before(Call.CHANGE, size, 0);
        below.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        interceptor.before(Call.CHANGE, position, length);
        below.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        interceptor.before(Call.CHANGE, position, length);
        below.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        interceptor.before(Call.CHANGE, position, length);
        below.writeZeroes(position, length, mayUnmap);
    }

    @Override
    public long nextData(long position) {
        return below.nextData(position);
    }

    @Override
    public long nextHole(long position) {
        return below.nextHole(position);
    }

    @Override
    public void close() {
        below.close();
    }
}
