package dev.vz.samples.cli.disk;

import dev.vz.samples.cli.disk.FaultRules.Kind;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file some requests to which fail by rule. */
final class FaultyFile implements ImageFile {

    private final ImageFile file;
    private final FaultRules rules;

    FaultyFile(ImageFile file, FaultRules rules) {
        this.file = file;
        this.rules = rules;
    }

    private synchronized void request(Kind kind, long position, long length, String... events) {
        for (String event : events) {
            rules.event(event);
        }
        rules.request(kind, position, length);
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
        request(Kind.READ, position, length, "read_aio");
        file.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        request(Kind.WRITE, position, length, "write_aio", "pwritev");
        file.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        request(Kind.FLUSH, 0, 0, "flush_to_os", "flush_to_disk");
        file.flush();
    }

    @Override
    public void resize(long size) {
        file.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        request(Kind.WRITE_ZEROES, position, length);
        file.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        request(Kind.DISCARD, position, length);
        file.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        request(Kind.WRITE_ZEROES, position, length, "pwritev_zero");
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
