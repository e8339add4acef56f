package dev.vz.net.capture;

import static dev.vz.net.Frames.LOCAL_TYPE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.capture.CaptureWriter.Direction;
import dev.vz.net.time.ManualClock;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Captures in pcapng, written here and read here, by tshark, and by chance damaged. */
class CaptureTest {

    private static final byte[] FRAME = Frames.udp(2, 1, 0x0A000001, 0x0A000002, 1000, 2000, new byte[33]);

    private static void write(Path file, int frames) {
        try (var writer = CaptureWriter.create(file, Clock.systemUTC(), 65536)) {
            int first = writer.addInterface("vz0");
            int second = writer.addInterface("vz1");
            for (int i = 0; i < frames; i++) {
                writer.write(i % 2 == 0 ? first : second, 1_700_000_000_000_000_000L + i * 1_000_000L,
                        MemorySegment.ofArray(FRAME), 0, FRAME.length - i % 3, Direction.INBOUND);
            }
        }
    }

    @Test
    void whatIsWrittenIsRead(@TempDir Path folder) {
        Path file = folder.resolve("a.pcapng");
        write(file, 5000);
        try (var reader = CaptureReader.open(file)) {
            for (int i = 0; i < 5000; i++) {
                assertThat(reader.next()).isTrue();
                assertThat(reader.nanos()).isEqualTo(1_700_000_000_000_000_000L + i * 1_000_000L);
                assertThat(reader.interfaceNumber()).isEqualTo(i % 2);
                assertThat(reader.frameLength()).isEqualTo(FRAME.length - i % 3);
                assertThat(reader.segment().asSlice(reader.frameOffset(), 14).mismatch(
                        MemorySegment.ofArray(FRAME).asSlice(0, 14))).isEqualTo(-1);
            }
            assertThat(reader.next()).isFalse();
        }
    }

    @Test
    void tsharkReadsItWithoutComplaint(@TempDir Path folder) throws Exception {
        Path tshark = Peers.program("tshark", "tshark");
        Path file = folder.resolve("a.pcapng");
        write(file, 9);
        Process process = new ProcessBuilder(tshark.toString(), "-r", file.toString(), "-T", "fields", "-e",
                "frame.interface_name", "-e", "frame.time_epoch", "-e", "udp.dstport", "-o",
                "udp.check_checksum:TRUE", "-e", "udp.checksum.status").redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        assertThat(output.lines()).hasSize(9);
        assertThat(output.lines().findFirst().orElseThrow()).startsWith("vz0\t1700000000.000000").endsWith("2000\t1");
    }

    @Test
    void aPortIsCapturedBothWays(@TempDir Path folder) {
        Path file = folder.resolve("a.pcapng");
        try (var writer = CaptureWriter.create(file); var pair = new LinkPair("cable", LinkFeatures.none());
                var port = new CapturingPort(pair.a(), writer)) {
            var there = Collector.on(pair.b());
            var here = Collector.on(port);
            Frames.send(port, FRAME);
            Frames.send(pair.b(), Frames.ethernet(1, 2, LOCAL_TYPE, new byte[50]));
            assertThat(there.frames()).hasSize(1);
            assertThat(here.frames()).hasSize(1);
        }
        try (var reader = CaptureReader.open(file)) {
            assertThat(reader.next()).isTrue();
            assertThat(reader.frameLength()).isEqualTo(FRAME.length);
            assertThat(reader.next()).isTrue();
            assertThat(reader.frameLength()).isEqualTo(64);
            assertThat(reader.next()).isFalse();
        }
    }

    @Test
    void aReplayKeepsTheIntervals(@TempDir Path folder) {
        Path file = folder.resolve("a.pcapng");
        write(file, 4);
        var clock = new ManualClock();
        var arrived = new Collector();
        try (var reader = CaptureReader.open(file)) {
            var replay = new Replay(reader, arrived, clock, 2);
            assertThat(replay.run()).isEqualTo(500_000);
            assertThat(arrived.frames()).hasSize(1);
            clock.advance(1_000_000);
            assertThat(replay.run()).isEqualTo(500_000);
            assertThat(arrived.frames()).hasSize(3);
            clock.advance(500_000);
            assertThat(replay.run()).isEqualTo(Replay.ENDED);
            assertThat(replay.sent()).isEqualTo(4);
        }
    }

    @Test
    void whatIsNoCaptureIsNamedSo(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("text"), "this is no capture at all");
        try (var reader = CaptureReader.open(file)) {
            assertThatThrownBy(reader::next).isInstanceOf(FormatException.class).hasMessageContaining("editcap");
        }
    }

    @Property(tries = 300)
    void damageIsFoundOrHarmless(@ForAll long seed) throws IOException {
        Path file = Files.createTempFile("vz", ".pcapng");
        try {
            write(file, 6);
            byte[] bytes = Files.readAllBytes(file);
            var random = new Random(seed);
            for (int i = 0; i < 4; i++) {
                int at = random.nextInt(bytes.length);
                bytes[at] = (byte) (random.nextBoolean() ? 0xFF : random.nextInt());
            }
            Files.write(file, random.nextInt(4) == 0
                    ? Arrays.copyOf(bytes, random.nextInt(bytes.length))
                    : bytes);
            int frames = 0;
            try (var reader = CaptureReader.open(file)) {
                while (reader.next()) {
                    frames++;
                    assertThat(reader.frameOffset() + reader.frameLength())
                            .isLessThanOrEqualTo(reader.segment().byteSize());
                }
            } catch (FormatException expected) {
                assertThat(expected).hasMessageContaining("damaged at byte");
            }
            assertThat(frames).isLessThanOrEqualTo(6);
        } finally {
            Files.delete(file);
        }
    }
}
