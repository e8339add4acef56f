package dev.vz.linux.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.IoVectors;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** io_uring(7), as far as it is bound. */
@Timeout(120)
class IoRingTest {

    @TempDir
    Path folder;

    private final Map<Long, Integer> results = new HashMap<>();
    private IoRing ring;
    private FileDescriptor file;

    @BeforeEach
    void open() {
        Peers.require(IoRing.isAvailable(), "this kernel or sandbox allows no io_uring");
        ring = IoRing.open(8);
        file = FileDescriptor.open(folder.resolve("file"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE);
    }

    @AfterEach
    void close() {
        if (ring != null) {
            ring.close();
            file.close();
        }
    }

    private void run(int count) {
        int before = results.size();
        while (results.size() < before + count) {
            ring.submit(1);
            ring.drain(results::put);
        }
    }

    @Test
    void whatIsWrittenIsReadInOneRoundEach() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(8192);
            for (int i = 0; i < 8; i++) {
                data.asSlice(i * 1024, 1024).fill((byte) (i + 1));
                ring.write(file, i * 1024L, data, i * 1024L, 1024, 0, i);
            }
            assertThat(ring.room()).isZero();
            run(8);
            assertThat(results).hasSize(8).allSatisfy((number, result) -> assertThat(result).isEqualTo(1024));
            MemorySegment back = arena.allocate(8192);
            ring.read(file, 0, back, 0, 8192, 100);
            run(1);
            assertThat(results.get(100L)).isEqualTo(8192);
            assertThat(back.mismatch(data)).isEqualTo(-1);
        }
    }

    @Test
    void vectorsSyncAndAllocationWork() {
        try (Arena arena = Arena.ofConfined()) {
            var vectors = new IoVectors(2);
            vectors.add(arena.allocate(10).fill((byte) 1));
            vectors.add(arena.allocate(20).fill((byte) 2));
            ring.writev(file, 5, vectors, 0, 1);
            run(1);
            ring.dataSync(file, 2);
            ring.fallocate(file, 0, 0, 65536, 3);
            run(2);
            MemorySegment back = arena.allocate(40);
            var into = new IoVectors(1);
            into.add(back);
            ring.readv(file, 0, into, 4);
            run(1);
            assertThat(results).containsEntry(1L, 30).containsEntry(2L, 0).containsEntry(4L, 40);
            assertThat(results.get(3L)).isIn(0, -Errno.EOPNOTSUPP);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 14)).isEqualTo((byte) 1);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 15)).isEqualTo((byte) 2);
        }
    }

    @Test
    void anErrorIsTheRequestsResult() {
        try (Arena arena = Arena.ofConfined();
                FileDescriptor readOnly = FileDescriptor.open(folder.resolve("file"), OpenFlag.READ)) {
            ring.write(readOnly, 0, arena.allocate(512), 0, 512, 0, 9);
            run(1);
            assertThat(results).containsEntry(9L, -Errno.EBADF);
        }
    }

    @Test
    void theQueueGoesRoundManyTimes() {
        for (int i = 0; i < 1000; i++) {
            ring.nop(i);
            if (ring.room() == 0) {
                run(8);
            }
        }
        assertThat(results).hasSize(1000);
    }

    @Test
    void aFullQueueAndAForeignBufferAreRefused() {
        for (int i = 0; i < 8; i++) {
            ring.nop(i);
        }
        assertThatThrownBy(() -> ring.nop(9)).isInstanceOf(LifecycleException.class);
        run(8);
        assertThatThrownBy(() -> ring.read(file, 0, MemorySegment.ofArray(new byte[8]), 0, 8, 1))
                .isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> IoRing.open(0)).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void anEventTellsOfCompletions() {
        try (EventFd event = EventFd.nonBlocking(); EventFd other = EventFd.nonBlocking()) {
            ring.notify(event);
            ring.poll(other.descriptor(), Readiness.IN, 77);
            ring.submit(0);
            assertThat(event.take()).isZero();
            other.signal();
            run(1);
            assertThat(results).containsEntry(77L, Readiness.IN);
            assertThat(event.take()).isPositive();
        }
    }
}
