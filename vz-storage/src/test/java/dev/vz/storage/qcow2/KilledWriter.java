package dev.vz.storage.qcow2;

import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Random;

/** Writes until it is killed, and says on standard output what it has flushed. */
final class KilledWriter {

    static final int SIZE = 2 << 20;
    static final int PER_FLUSH = 20;

    /** The {@code index}-th write: sector and contents follow from it. */
    record Write(int sector, byte[] data) {
        static Write of(long seed, int index) {
            var random = new Random(seed * 1_000_003 + index);
            return new Write(random.nextInt(SIZE / 512), ModelDisk.pattern(random.nextLong(), 512));
        }
    }

    private KilledWriter() {}

    /** Arguments: the image, the seed, the number of the first write. */
    public static void main(String[] arguments) {
        long seed = Long.parseLong(arguments[1]);
        int index = Integer.parseInt(arguments[2]);
        PrintStream out = System.out;
        try (var disk = DiskImage.open(Path.of(arguments[0]), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            while (true) {
                for (int i = 0; i < PER_FLUSH; i++) {
                    Write write = Write.of(seed, index++);
                    disk.write(write.sector() * 512L, MemorySegment.ofArray(write.data()));
                }
                disk.discard(SIZE, SIZE / 2);
                disk.write(SIZE + index % 16 * 65536L, MemorySegment.ofArray(new byte[512]));
                disk.flush();
                out.println(index);
                out.flush();
            }
        }
    }
}
