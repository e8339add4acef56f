package dev.vz.samples.cli.disk;

import dev.vz.samples.cli.disk.FaultRules.Kind;
import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file some requests to which fail by rule. */
final class FaultyFile extends ForwardingFile {

    private final FaultRules rules;

    FaultyFile(ImageFile file, FaultRules rules) {
        super(file);
        this.rules = rules;
    }

    private synchronized void request(Kind kind, long position, long length, String... events) {
        for (String event : events) {
            rules.event(event);
        }
        rules.request(kind, position, length);
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        request(Kind.READ, position, length, "read_aio");
        super.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        request(Kind.WRITE, position, length, "write_aio", "pwritev");
        super.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        request(Kind.FLUSH, 0, 0, "flush_to_os", "flush_to_disk");
        super.flush();
    }

    @Override
    public void allocate(long position, long length) {
        request(Kind.WRITE_ZEROES, position, length);
        super.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        request(Kind.DISCARD, position, length);
        super.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        request(Kind.WRITE_ZEROES, position, length, "pwritev_zero");
        super.writeZeroes(position, length, mayUnmap);
    }
}
