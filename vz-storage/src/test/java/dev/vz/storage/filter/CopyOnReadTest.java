package dev.vz.storage.filter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reading an overlay fills it. */
@Timeout(120)
class CopyOnReadTest {

    private static final int SIZE = 4 << 20;

    @TempDir
    Path folder;

    private DiskImage overlay;

    @BeforeEach
    void create() {
        try (HostFile base = HostFile.create(folder.resolve("base.raw")); Arena arena = Arena.ofConfined()) {
            base.resize(SIZE);
            for (int i = 0; i < SIZE / 2; i += 65536) {
                base.write(i, arena.allocate(65536).fill((byte) (i / 65536 + 1)));
            }
        }
        try (HostFile file = HostFile.create(folder.resolve("overlay.qcow2"))) {
            Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withBacking("base.raw", "raw"));
        }
        overlay = DiskImage.open(folder.resolve("overlay.qcow2"), ImageFormat.QCOW2,
                OpenOptions.DEFAULT.withGate(FileGate.within(folder)));
    }

    @Test
    void whatIsReadIsKeptInWholeUnitsAndHolesStayHoles() {
        try (BlockDevice device = new CopyOnReadDevice(overlay, 65536); Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(1000);
            device.read(65536 * 3 + 17, data);
            assertThat(data.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 4);
            assertThat(overlay.status(65536 * 3, 65536).allocated()).isTrue();
            assertThat(overlay.status(65536 * 4, 65536).allocated()).isFalse();
            device.read(SIZE - 1000, data);
            assertThat(overlay.status(SIZE - 65536, 65536).allocated()).isFalse();
        }
    }

    @Test
    void copiesAndWritesOfTheSameUnitsDoNotLoseWrites() throws Exception {
        try (BlockDevice device = new CopyOnReadDevice(overlay, 65536); Arena arena = Arena.ofShared()) {
            var threads = new ArrayList<Thread>();
            for (int t = 0; t < 2; t++) {
                int seed = t;
                threads.add(Thread.ofPlatform().start(() -> {
                    var random = new Random(seed);
                    MemorySegment data = arena.allocate(512);
                    for (int i = 0; i < 300; i++) {
                        device.read(random.nextInt(SIZE / 512) * 512L, data);
                    }
                }));
            }
            MemorySegment mark = arena.allocate(512).fill((byte) 0x7e);
            for (long at = 512; at < SIZE; at += 65536) {
                device.write(at, mark);
            }
            for (Thread thread : threads) {
                thread.join();
            }
            MemorySegment back = arena.allocate(1024);
            for (long at = 0; at < SIZE; at += 65536) {
                device.read(at, back);
                byte below = at < SIZE / 2 ? (byte) (at / 65536 + 1) : 0;
                assertThat(back.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo(below);
                assertThat(back.get(ValueLayout.JAVA_BYTE, 512)).as("the write at %s", at).isEqualTo((byte) 0x7e);
            }
        }
    }
}
