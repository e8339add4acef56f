package dev.vz.virtio.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.display.Screen;
import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The graphics device (virtio 1.3, 5.7) and a screen that notes what it is shown. */
class GpuDeviceTest {

    private static final long COMMAND = 0x2000;
    private static final long ANSWER = 0x8000;

    /** What the screen saw. */
    private static final class Seen implements Screen {
        final List<String> calls = new ArrayList<>();
        int firstPixel;
        @Nullable
        Cursor cursor;

        @Override
        public void resize(int width, int height) {
            calls.add("resize " + width + "x" + height);
        }

        @Override
        public void update(MemorySegment pixels, int stride, Rectangle damage) {
            calls.add("update " + damage.x() + "," + damage.y() + " " + damage.width() + "x" + damage.height());
            firstPixel = pixels.get(ValueLayout.JAVA_INT, (long) damage.y() * stride + damage.x() * 4L);
        }

        @Override
        public void cursor(@Nullable Cursor shape) {
            cursor = shape;
        }
    }

    private final Seen screen = new Seen();
    /** The picture's memory; the queues have another, as the test's driver makes its own. */
    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);
    private final GpuDevice gpu = new GpuDevice(memory, screen, 800, 600);

    @AfterEach
    void close() {
        memory.close();
    }

    private static QueueDriver start(TestDriver driver) {
        return driver.start(GpuDevice.EDID);
    }

    /** Sends a command of 32-bit words after the header; returns the type of the answer. */
    private static int command(TestDriver driver, QueueDriver queue, int type, int... words) {
        driver.memory.fill(COMMAND, 24, (byte) 0);
        driver.memory.writeInt(COMMAND, type);
        for (int i = 0; i < words.length; i++) {
            driver.memory.writeInt(COMMAND + 24 + 4L * i, words[i]);
        }
        driver.submit(0, queue, Buffer.readable(COMMAND, 24 + 4 * words.length), Buffer.writable(ANSWER, 2048));
        assertThat(queue.complete()).isPresent();
        return driver.memory.readInt(ANSWER);
    }

    private void draw(TestDriver driver, QueueDriver queue, int format) {
        assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 1, format, 64, 32)).isEqualTo(0x1100);
        // Two pieces of memory, the border in the middle of a row.
        assertThat(command(driver, queue, GpuDevice.RESOURCE_ATTACH_BACKING, 1, 2, 0x10000, 0, 1000, 0, 0x20000, 0,
                64 * 32 * 4 - 1000, 0)).isEqualTo(0x1100);
    }

    @ParameterizedTest
    @EnumSource
    void whatTheGuestDrawsIsShown(QueueKind kind) {
        try (var driver = new TestDriver(gpu, kind.features)) {
            QueueDriver queue = start(driver);
            draw(driver, queue, 2);
            assertThat(command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 64, 32, 0, 1)).isEqualTo(0x1100);
            assertThat(screen.calls).containsExactly("resize 64x32", "update 0,0 64x32");
            // Pixel (5, 4) is byte 1044 of the picture: 44 bytes into the second piece.
            memory.writeInt(0x20000 + 44, 0x00112233);
            assertThat(command(driver, queue, GpuDevice.TRANSFER_TO_HOST_2D, 5, 4, 2, 2, 4 * (4 * 64 + 5), 0, 1, 0))
                    .isEqualTo(0x1100);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_FLUSH, 5, 4, 2, 2, 1, 0)).isEqualTo(0x1100);
            assertThat(screen.calls).last().isEqualTo("update 5,4 2x2");
            assertThat(screen.firstPixel).isEqualTo(0x00112233);
        }
    }

    @Test
    void everyFormatIsShownInTheSameOrder() {
        // Blue 1, green 2, red 3, alpha 4: the word that has them where each format does, its first letter lowest.
        int[][] formats = {{1, 0x04030201}, {3, 0x01020304}, {67, 0x04010203}, {121, 0x03020104}};
        for (int[] format : formats) {
            try (var driver = new TestDriver(new GpuDevice(memory, screen, 64, 32), QueueKind.SPLIT.features)) {
                QueueDriver queue = start(driver);
                draw(driver, queue, format[0]);
                memory.writeInt(0x10000, format[1]);
                command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 64, 32, 0, 1);
                command(driver, queue, GpuDevice.TRANSFER_TO_HOST_2D, 0, 0, 64, 32, 0, 0, 1, 0);
                command(driver, queue, GpuDevice.RESOURCE_FLUSH, 0, 0, 64, 32, 1, 0);
                assertThat(screen.firstPixel).as("format %d", format[0]).isEqualTo(0x04030201);
            }
        }
    }

    @Test
    void theDisplayIsDescribed() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            assertThat(command(driver, queue, GpuDevice.GET_DISPLAY_INFO)).isEqualTo(0x1101);
            assertThat(driver.memory.readInt(ANSWER + 24 + 8)).isEqualTo(800);
            assertThat(driver.memory.readInt(ANSWER + 24 + 12)).isEqualTo(600);
            assertThat(driver.memory.readInt(ANSWER + 24 + 16)).as("enabled").isEqualTo(1);
            assertThat(driver.memory.readInt(ANSWER + 24 + 24 + 16)).as("the next one is not").isZero();
            assertThat(command(driver, queue, GpuDevice.GET_EDID, 0, 0)).isEqualTo(0x1104);
            assertThat(driver.memory.readInt(ANSWER + 24)).isEqualTo(128);
            byte[] edid = driver.memory.read(ANSWER + 32, 128);
            int sum = 0;
            for (byte b : edid) {
                sum += b;
            }
            assertThat(sum & 0xFF).as("checksum").isZero();
            assertThat(edid[54 + 2] & 0xFF | (edid[54 + 4] & 0xF0) << 4).as("width").isEqualTo(800);
            gpu.resize(1024, 768);
            assertThat(driver.configInterrupts).isEqualTo(1);
            assertThat(gpu.config().read(0, 4)).isEqualTo(1);
            gpu.config().write(4, 4, 1);
            assertThat(gpu.config().read(0, 8)).isZero();
            assertThatThrownBy(() -> gpu.resize(0, 10)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void aFenceIsAnswered() {
        try (var driver = new TestDriver(gpu, QueueKind.PACKED.features)) {
            QueueDriver queue = start(driver);
            driver.memory.writeInt(COMMAND, GpuDevice.GET_DISPLAY_INFO);
            driver.memory.writeInt(COMMAND + 4, 1);
            driver.memory.writeLong(COMMAND + 8, 0x1234_5678_9ABCL);
            driver.submit(0, queue, Buffer.readable(COMMAND, 24), Buffer.writable(ANSWER, 408));
            assertThat(queue.complete()).isPresent();
            assertThat(driver.memory.readInt(ANSWER + 4)).isEqualTo(1);
            assertThat(driver.memory.readLong(ANSWER + 8)).isEqualTo(0x1234_5678_9ABCL);
        }
    }

    @Test
    void commandsThatCannotBeAreRefused() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            draw(driver, queue, 1);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 1, 1, 8, 8)).as("number in use")
                    .isEqualTo(GpuDevice.ERR_INVALID_RESOURCE_ID);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 0, 1, 8, 8))
                    .isEqualTo(GpuDevice.ERR_INVALID_RESOURCE_ID);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 2, 99, 8, 8)).as("format")
                    .isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 2, 1, -1, 8))
                    .isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 2, 1, 8192, 8192)).as("the whole budget")
                    .isEqualTo(GpuDevice.ERR_OUT_OF_MEMORY);
            assertThat(command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 65, 32, 0, 1)).as("wider than it is")
                    .isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.SET_SCANOUT, Integer.MAX_VALUE, 0, 1, 1, 0, 1))
                    .isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 64, 32, 3, 1))
                    .isEqualTo(GpuDevice.ERR_INVALID_SCANOUT_ID);
            assertThat(command(driver, queue, GpuDevice.TRANSFER_TO_HOST_2D, 0, 0, 64, 32, 4, 0, 1, 0))
                    .as("past its memory").isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_ATTACH_BACKING, 1, -1))
                    .isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_ATTACH_BACKING, 1, 1, -4096, -1, 1 << 20, 0))
                    .isEqualTo(0x1100);
            assertThat(command(driver, queue, GpuDevice.TRANSFER_TO_HOST_2D, 0, 0, 1, 1, 0, 0, 1, 0))
                    .as("memory that is none").isEqualTo(GpuDevice.ERR_INVALID_PARAMETER);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_UNREF, 7, 0))
                    .isEqualTo(GpuDevice.ERR_INVALID_RESOURCE_ID);
            assertThat(command(driver, queue, 0x999)).isEqualTo(GpuDevice.ERR_UNSPEC);
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @Test
    void aPictureThatIsShownCanBeDropped() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            draw(driver, queue, 1);
            command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 64, 32, 0, 1);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_UNREF, 1, 0)).isEqualTo(0x1100);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_FLUSH, 0, 0, 1, 1, 1, 0))
                    .isEqualTo(GpuDevice.ERR_INVALID_RESOURCE_ID);
        }
    }

    @Test
    void theCursorIsShownAndHidden() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver queue = driver.enable(0, 16);
            QueueDriver cursor = driver.enable(1, 16);
            driver.driverOk();
            draw(driver, queue, 1);
            driver.memory.fill(COMMAND, 64, (byte) 0);
            driver.memory.writeInt(COMMAND, GpuDevice.UPDATE_CURSOR);
            driver.memory.writeInt(COMMAND + 40, 1);
            driver.memory.writeInt(COMMAND + 44, 3);
            driver.submit(1, cursor, Buffer.readable(COMMAND, 56));
            assertThat(cursor.complete()).isPresent();
            assertThat(screen.cursor).isNotNull();
            assertThat(screen.cursor.width()).isEqualTo(64);
            assertThat(screen.cursor.hotX()).isEqualTo(3);
            driver.memory.writeInt(COMMAND + 40, 0);
            driver.submit(1, cursor, Buffer.readable(COMMAND, 56));
            assertThat(screen.cursor).isNull();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCommandWithoutAHeaderNeedsAReset(QueueKind kind) {
        try (var driver = new TestDriver(gpu, kind.features)) {
            QueueDriver queue = start(driver);
            driver.submit(0, queue, Buffer.readable(COMMAND, 23), Buffer.writable(ANSWER, 24));
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aSavedPictureIsShownAgain() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            draw(driver, queue, 1);
            command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, 64, 32, 0, 1);
            memory.writeInt(0x10000, 0x00ABCDEF);
            GpuState state = gpu.save();
            var elsewhere = new Seen();
            var twin = new GpuDevice(memory, elsewhere, 1, 1);
            twin.restore(state);
            assertThat(elsewhere.calls).containsExactly("resize 64x32", "update 0,0 64x32");
            assertThat(elsewhere.firstPixel).isEqualTo(0x00ABCDEF);
            assertThat(twin.save()).isEqualTo(state);
        }
    }

    @Test
    void manySmallPiecesOfMemoryCostNoMoreThanFew() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            int side = 256;
            assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, 1, 1, side, side)).isEqualTo(0x1100);
            // Pieces of nothing first, then one byte each, then the rest: every row begins behind all of them.
            int count = 4096;
            var words = new int[2 + 4 * count];
            words[0] = 1;
            words[1] = count;
            for (int i = 0; i < count; i++) {
                words[2 + 4 * i] = i == count - 1 ? 0x1000 : 0x10;
                words[4 + 4 * i] = i < 1000 ? 0 : i == count - 1 ? side * side * 4 : 1;
            }
            long at = 0x10000;
            driver.memory.writeInt(at, GpuDevice.RESOURCE_ATTACH_BACKING);
            for (int i = 0; i < words.length; i++) {
                driver.memory.writeInt(at + 24 + 4L * i, words[i]);
            }
            driver.submit(0, queue, Buffer.readable(at, 24 + 4 * words.length), Buffer.writable(ANSWER, 2048));
            assertThat(queue.complete()).isPresent();
            assertThat(driver.memory.readInt(ANSWER)).isEqualTo(0x1100);
            int start = count - 1001;
            memory.writeInt(0x1000 + 4L * (side + 3), 0x00445566);
            assertThat(command(driver, queue, GpuDevice.SET_SCANOUT, 0, 0, side, side, 0, 1)).isEqualTo(0x1100);
            assertThat(command(driver, queue, GpuDevice.TRANSFER_TO_HOST_2D, 3, 1, 8, 8, start + 4 * (side + 3), 0, 1,
                    0)).isEqualTo(0x1100);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_FLUSH, 3, 1, 8, 8, 1, 0)).isEqualTo(0x1100);
            assertThat(screen.firstPixel).isEqualTo(0x00445566);
        }
    }

    @Test
    void allPicturesTogetherHaveNoMorePiecesOfMemoryThanTheLimit() {
        try (var driver = new TestDriver(gpu, QueueKind.SPLIT.features)) {
            QueueDriver queue = start(driver);
            int[] answers = new int[4];
            for (int id = 1; id <= 4; id++) {
                assertThat(command(driver, queue, GpuDevice.RESOURCE_CREATE_2D, id, 1, 1, 1)).isEqualTo(0x1100);
                driver.memory.fill(0x100000 + 0x80000, 24, (byte) 0);
                driver.memory.writeInt(0x180000, GpuDevice.RESOURCE_ATTACH_BACKING);
                driver.memory.writeInt(0x180018, id);
                driver.memory.writeInt(0x18001C, 65536);
                driver.submit(0, queue, Buffer.readable(0x180000, 32 + 16 * 65536), Buffer.writable(ANSWER, 64));
                assertThat(queue.complete()).isPresent();
                answers[id - 1] = driver.memory.readInt(ANSWER);
            }
            assertThat(answers).containsExactly(0x1100, 0x1100, 0x1201, 0x1201);
            assertThat(command(driver, queue, GpuDevice.RESOURCE_UNREF, 1, 0)).isEqualTo(0x1100);
        }
    }

    @Test
    void randomCommandsNeitherThrowNorHang() {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        try (var driver = new TestDriver(gpu, QueueKind.PACKED_EVENT_IDX.features)) {
            QueueDriver queue = start(driver);
            for (int i = 0; i < 4000; i++) {
                var words = new int[random.nextInt(12)];
                for (int w = 0; w < words.length; w++) {
                    words[w] = random.nextInt(4) == 0 ? random.nextInt()
                            : random.nextInt(5) * (random.nextBoolean() ? 1 : 16);
                }
                command(driver, queue, random.nextInt(8) == 0 ? 0x300 : 0x100 + random.nextInt(12), words);
            }
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).as("seed %d", seed).isZero();
        }
    }
}
