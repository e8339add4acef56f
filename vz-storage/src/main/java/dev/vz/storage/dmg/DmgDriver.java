package dev.vz.storage.dmg;

import dev.vz.storage.dmg.BlockTables.Kind;
import dev.vz.storage.dmg.BlockTables.Run;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.Inflation;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.ReadOnlyDriver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;

/** An open DMG image. */
public final class DmgDriver extends ReadOnlyDriver {

    private final Run[] runs;
    private final int unitSize;

    private DmgDriver(ImageFile file, List<Run> runs) {
        super(file, runs.isEmpty() ? 0 : (runs.getLast().sector() + runs.getLast().sectors()) * 512);
        this.runs = runs.toArray(Run[]::new);
        this.unitSize = (int) runs.stream().filter(run -> run.kind() == Kind.ZLIB || run.kind() == Kind.BZIP2)
                .mapToLong(Run::sectors).max().orElse(0) * 512;
    }

    /** Opens the image in {@code file}. */
    public static DmgDriver open(ImageFile file, Budget budget) {
        return new DmgDriver(file, BlockTables.read(file, budget));
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.DMG;
    }

    @Override
    public int granule() {
        return 512;
    }

    @Override
    public int unitSize() {
        return unitSize;
    }

    private int find(long sector) {
        int low = 0;
        int high = runs.length - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (runs[middle].sector() <= sector) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        int index = find(offset / 512);
        Run run = runs[index];
        long in = offset - run.sector() * 512;
        long rest = run.sectors() * 512 - in;
        if (in < 0 || rest <= 0) {
            // Between runs, of which a table may leave some out.
            long next = in < 0 ? run.sector()
                    : index + 1 < runs.length ? runs[index + 1].sector() : Long.MAX_VALUE / 512;
            mapping.unallocated(Math.min(length, next * 512 - offset));
            return;
        }
        long part = Math.min(length, rest);
        switch (run.kind()) {
            case ZERO -> mapping.zero(null, 0, part);
            case RAW -> mapping.data(file(), run.offset() + in, part);
            default -> mapping.compressed(file(), run.offset(), (int) run.length(), (int) in, part);
        }
    }

    @Override
    public void unpack(Mapping mapping, MemorySegment stored, MemorySegment unit) {
        for (Run run : runs) {
            if (run.offset() == mapping.fileOffset() && run.kind() != Kind.ZERO && run.kind() != Kind.RAW) {
                MemorySegment target = unit.asSlice(0, run.sectors() * 512);
                MemorySegment source = stored.asSlice(0, run.length());
                if (run.kind() == Kind.ZLIB) {
                    Inflation.inflate(source, target, file().name());
                } else {
                    bzip2(source, target);
                }
                return;
            }
        }
        throw new CorruptImageException("No run of " + file().name() + " is at " + mapping.fileOffset());
    }

    private void bzip2(MemorySegment source, MemorySegment target) {
        try (var stream = new BZip2CompressorInputStream(new ByteArrayInputStream(source.toArray(
                ValueLayout.JAVA_BYTE)))) {
            byte[] unpacked = stream.readNBytes((int) target.byteSize());
            if (unpacked.length != target.byteSize()) {
                throw new CorruptImageException("A run of " + file().name() + " unpacks to " + unpacked.length
                        + " bytes, not to " + target.byteSize());
            }
            MemorySegment.copy(MemorySegment.ofArray(unpacked), 0, target, 0, unpacked.length);
        } catch (IOException damaged) {
            throw new CorruptImageException("A run of " + file().name() + " cannot be unpacked: " + damaged
                    .getMessage());
        }
    }
}
