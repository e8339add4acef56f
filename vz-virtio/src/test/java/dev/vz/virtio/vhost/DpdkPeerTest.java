package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.testing.Peers;
import dev.vz.virtio.net.NetworkCard;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * DPDK's virtio-user, a driver that was written for speed and has a ring of its own for every combination of features, on
 * a network card of ours: testpmd sends every frame back that it receives, and each must come back as it was.
 */
@Timeout(180)
class DpdkPeerTest {

    private static final int FRAMES = 20_000;
    /** Frames on their way at a time: fewer than either ring has room for, so that none is dropped. */
    private static final int WINDOW = 128;
    private static final int SLOT = 2048;
    /** The number of frames that find out whether testpmd forwards already. */
    private static final int PROBE = -1;

    @TempDir
    Path folder;
    private Path testpmd;

    @BeforeEach
    void find() {
        testpmd = Peers.program("dpdk-testpmd", "dpdk-dev");
        Peers.require(Runtime.getRuntime().availableProcessors() > 1, "testpmd needs two processors");
    }

    /** What the card is plugged into. */
    private static final class Line implements LinkPort {
        private final FrameSink fromCard;
        private volatile @Nullable FrameSink toCard;

        Line(FrameSink fromCard) {
            this.fromCard = fromCard;
        }

        /** Says how many frames the card took: none as long as its driver is not there. */
        int deliver(FrameBatch batch) {
            FrameSink card = toCard;
            return card == null ? 0 : card.accept(batch);
        }

        @Override
        public String name() {
            return "line";
        }

        @Override
        public LinkFeatures features() {
            return LinkFeatures.none();
        }

        @Override
        public int send(FrameBatch batch) {
            return fromCard.accept(batch);
        }

        @Override
        public void receive(@Nullable FrameSink sink) {
            toCard = sink;
        }

        @Override
        public boolean isUp() {
            return true;
        }

        @Override
        public void onChange(@Nullable Runnable listener) {
            // It is always up.
        }

        @Override
        public void close() {
            toCard = null;
        }
    }

    /** Notes what comes back, and compares it with what was sent. */
    private static final class Returned implements FrameSink {
        private final MemorySegment sent;
        private volatile int probes;
        private volatile int count;
        private volatile String wrong = "";

        Returned(MemorySegment sent) {
            this.sent = sent;
        }

        @Override
        @SuppressWarnings("NonAtomicVolatileUpdate") // one queue, one thread
        public int accept(FrameBatch batch) {
            for (int i = 0; i < batch.count(); i++) {
                int length = batch.frameLength(i);
                long at = batch.frameOffset(i);
                int number = batch.segment(i).get(ValueLayout.JAVA_INT_UNALIGNED, at + 14);
                if (number == PROBE) {
                    probes++;
                    continue;
                }
                if (number != count || length != size(number)) {
                    wrong = "frame " + count + " came back as " + number + " with " + length + " bytes";
                } else {
                    stamp(sent, 0, number);
                    if (MemorySegment.mismatch(batch.segment(i), at, at + length, sent, VnetHeader.SIZE,
                            VnetHeader.SIZE + length) >= 0) {
                        wrong = "frame " + number + " came back with other bytes";
                    }
                }
                count++;
            }
            return batch.count();
        }
    }

    /** From the shortest frame to the longest. */
    private static int size(int number) {
        return number == PROBE ? 60 : 60 + number * 31 % 1455;
    }

    /** Writes frame {@code number} with its header at {@code at}. */
    private static void stamp(MemorySegment target, long at, int number) {
        target.asSlice(at, VnetHeader.SIZE).fill((byte) 0);
        long frame = at + VnetHeader.SIZE;
        target.asSlice(frame, size(number)).fill((byte) (number * 7));
        for (int i = 0; i < 12; i++) {
            target.set(ValueLayout.JAVA_BYTE, frame + i, (byte) 2);
        }
        target.set(ValueLayout.JAVA_SHORT_UNALIGNED, frame + 12, (short) 0xB588);
        target.set(ValueLayout.JAVA_INT_UNALIGNED, frame + 14, number);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', value = {"split, mergeable | mrg_rxbuf=1,in_order=0", "split | mrg_rxbuf=0,in_order=0",
        "split, in order, mergeable | mrg_rxbuf=1,in_order=1",
        "split, in order, vectorized | mrg_rxbuf=0,in_order=1,vectorized=1",
        "packed, mergeable | packed_vq=1,mrg_rxbuf=1,in_order=0", "packed | packed_vq=1,mrg_rxbuf=0,in_order=0",
        "packed, in order | packed_vq=1,mrg_rxbuf=0,in_order=1,vectorized=1"})
    void everyFrameComesBackAsItWas(String name, String options) throws Exception {
        UnixAddress address = UnixAddress.of(folder.resolve("net.sock"));
        var returned = new Returned(Arena.ofAuto().allocate(SLOT));
        try (Arena arena = Arena.ofShared();
                var line = new Line(returned);
                var server = VhostUserServer.serve(NetworkCard.dataPath(line, 1), address,
                        VhostUserServer.Options.standard())) {
            Process process = start(address, options);
            try {
                send(line, arena.allocate((long) SLOT * FrameBatch.CAPACITY), returned, process);
                assertThat(returned.wrong).isEmpty();
                assertThat(returned.count).isEqualTo(FRAMES);
                // It leaves in order when its input ends.
                process.getOutputStream().close();
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(server + " let " + name + " go").isTrue();
            } finally {
                process.destroyForcibly().waitFor();
            }
        }
    }

    private void send(Line line, MemorySegment frames, Returned returned, Process process)
            throws IOException, InterruptedException {
        var batch = new FrameBatch();
        int sent = 0;
        int probes = 0;
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(100);
        while (returned.count < FRAMES && returned.wrong.isEmpty()) {
            assertThat(process.isAlive()).as(() -> "testpmd is running; it said: " + output()).isTrue();
            if (System.nanoTime() > end) {
                // Its statistics tell where the frames are.
                process.getOutputStream().close();
                process.waitFor(20, TimeUnit.SECONDS);
                fail("%d of %d frames sent, %d back, %d probes, %d back; testpmd says:%n%s", sent, FRAMES,
                        returned.count,
                        probes, returned.probes, output());
            }
            batch.clear();
            if (returned.probes == 0) {
                // What the card takes before its driver starts for good is lost when the driver starts anew.
                stamp(frames, 0, PROBE);
                batch.add(frames, 0, VnetHeader.SIZE + size(PROBE));
                probes += line.deliver(batch);
                // Seldom: all that find the card before testpmd begins come back at once, and must leave room.
                LockSupport.parkNanos(50_000_000);
                continue;
            }
            int room = Math.min(Math.min(WINDOW - (sent - returned.count), FRAMES - sent), FrameBatch.CAPACITY);
            for (int i = 0; i < room; i++) {
                stamp(frames, (long) SLOT * i, sent + i);
                batch.add(frames, (long) SLOT * i, VnetHeader.SIZE + size(sent + i));
            }
            // What is not taken is sent again: testpmd has not set up its queue yet, or is slow.
            int taken = room == 0 ? 0 : line.deliver(batch);
            sent += taken;
            if (taken == 0) {
                LockSupport.parkNanos(50_000);
            }
        }
    }

    private String output() {
        try {
            return Files.readString(folder.resolve("testpmd.out"));
        } catch (IOException none) {
            return "nothing: " + none;
        }
    }

    private Process start(UnixAddress address, String options) throws IOException {
        var command = new ArrayList<>(List.of(testpmd.toString(), "-l", "0,1", "--main-lcore=0", "--no-pci",
                "--no-huge", "-m", "128", "--no-telemetry", "--file-prefix=vz" + ProcessHandle.current().pid(),
                "--vdev", "net_virtio_user0,path=" + folder.resolve("net.sock") + ",queues=1,queue_size=512," + options,
                "--", "--auto-start", "--forward-mode=io", "--port-topology=loop", "--total-num-mbufs=4096",
                "--no-mlockall", "--txd=512", "--rxd=512"));
        assertThat(address.toString()).contains("net.sock");
        return new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(new File(folder.toFile(), "testpmd.out")).start();
    }
}
