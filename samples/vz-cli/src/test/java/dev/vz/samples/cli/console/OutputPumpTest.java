package dev.vz.samples.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class OutputPumpTest {

    private final CountDownLatch open = new CountDownLatch(1);
    private final CountDownLatch held = new CountDownLatch(1);
    private final AtomicInteger writes = new AtomicInteger();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    /** A reader that takes nothing until it is let. */
    private final OutputStream gate = new OutputStream() {
        @Override
        public void write(int value) {
            throw new AssertionError("one byte at a time");
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            held.countDown();
            try {
                open.await();
            } catch (InterruptedException interruption) {
                throw new IOException(interruption);
            }
            writes.incrementAndGet();
            written.write(bytes, offset, length);
        }
    };

    @Test
    void everyByteArrivesInOrderAndABurstIsFewWrites() {
        var pump = new OutputPump(gate, "test", () -> {}, failure -> {});
        for (int i = 0; i < 50_000; i++) {
            assertThat(pump.ready()).isTrue();
            pump.write((byte) i);
        }
        open.countDown();
        pump.close();
        byte[] bytes = written.toByteArray();
        assertThat(bytes).hasSize(50_000);
        for (int i = 0; i < bytes.length; i++) {
            assertThat(bytes[i]).isEqualTo((byte) i);
        }
        assertThat(writes.get()).isLessThanOrEqualTo(2);
    }

    @Test
    void aReaderThatDoesNotReadStopsTheWriterAndStartsItAgain() throws Exception {
        var room = new CountDownLatch(1);
        var pump = new OutputPump(gate, "test", room::countDown, failure -> {});
        // What the pump's thread takes is what it makes room for: it shall have taken, and be held, before all is full.
        pump.write((byte) 1);
        assertThat(held.await(60, TimeUnit.SECONDS)).isTrue();
        int taken = 1;
        while (pump.ready()) {
            pump.write((byte) 1);
            taken++;
            assertThat(taken).as("bounded").isLessThan(1 << 20);
        }
        assertThat(room.getCount()).isEqualTo(1);
        open.countDown();
        assertThat(room.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(pump.ready()).isTrue();
        pump.close();
        assertThat(written.size()).isEqualTo(taken);
    }

    @Test
    void aBrokenStreamIsReportedOnceAndWhatFollowsIsDropped() throws Exception {
        var broken = new CountDownLatch(1);
        var failures = new CopyOnWriteArrayList<String>();
        var pump = new OutputPump(new OutputStream() {
            @Override
            public void write(int value) throws IOException {
                throw new IOException("Broken pipe");
            }
        }, "test", () -> {}, failure -> {
            failures.add(failure.getMessage());
            broken.countDown();
        });
        pump.write((byte) 1);
        assertThat(broken.await(60, TimeUnit.SECONDS)).isTrue();
        for (int i = 0; i < 1 << 20; i++) {
            pump.write((byte) 1);
        }
        pump.close();
        assertThat(failures).containsExactly("Broken pipe");
    }

    @Test
    void closingGivesUpOnAReaderThatNeverReads() {
        var pump = new OutputPump(gate, "test", () -> {}, failure -> {});
        pump.write((byte) 1);
        long start = System.nanoTime();
        pump.close(Duration.ofMillis(200));
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(150),
                Duration.ofSeconds(100));
        open.countDown();
    }
}
