package dev.vz.storage.file;

import java.lang.foreign.MemorySegment;

/**
 * A file that does what another file does, for those that change a part of it: they override that part.
 *
 * <p>
 * {@link #readNow} and {@link #writeNow} are not forwarded and say that they would have to wait, so that who overrides
 * {@link #read(long, MemorySegment, long, long)} or {@link #write(long, MemorySegment, long, long)} is asked for every
 * byte; nor is {@link #expectWrite}, whose range may lie elsewhere in the other file. Closing it closes the other file.
 */
public abstract class ForwardingFile implements ImageFile {

    private final ImageFile file;

    /** Forwards to {@code file}. */
    protected ForwardingFile(ImageFile file) {
        this.file = file;
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public boolean readOnly() {
        return file.readOnly();
    }

    @Override
    public long size() {
        return file.size();
    }

    @Override
    public long allocatedBytes() {
        return file.allocatedBytes();
    }

    @Override
    public Object identity() {
        return file.identity();
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        file.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        file.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        file.flush();
    }

    @Override
    public void resize(long size) {
        file.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        file.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        file.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        file.writeZeroes(position, length, mayUnmap);
    }

    @Override
    public long nextData(long position) {
        return file.nextData(position);
    }

    @Override
    public long nextHole(long position) {
        return file.nextHole(position);
    }

    @Override
    public void close() {
        file.close();
    }
}
