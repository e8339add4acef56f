package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.net.capture.CaptureReader;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.port.StreamPort;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code vz switch} as an operator starts it; the test is the guests behind its sockets. */
@Timeout(120)
class SwitchProgramIT {

    private static final long ALL = 0xFFFF_FFFF_FFFFL;
    private static final int LOCAL_TYPE = 0x88B5;

    private final EpollLoop loop = new EpollLoop("guests");

    /** A guest with an address, and all that it has got. */
    private record Guest(StreamPort port, long mac, List<byte[]> got) {

        static Guest at(Path socket, long mac, EpollLoop loop) {
            var guest = new Guest(StreamPort.connect(UnixAddress.of(socket), 1500, loop), mac, new ArrayList<>());
            guest.port.receive(batch -> {
                for (int i = 0; i < batch.count(); i++) {
                    guest.got.add(batch.segment(i).asSlice(batch.frameOffset(i), batch.frameLength(i))
                            .toArray(ValueLayout.JAVA_BYTE));
                }
                return batch.count();
            });
            return guest;
        }

        byte[] send(long to, int content) {
            byte[] frame = new byte[60];
            Arrays.fill(frame, (byte) content);
            EthernetHeader.set(MemorySegment.ofArray(frame), 0, to, mac, LOCAL_TYPE);
            MemorySegment segment = Arena.ofAuto().allocate(VnetHeader.SIZE + frame.length, 8);
            MemorySegment.copy(frame, 0, segment, ValueLayout.JAVA_BYTE, VnetHeader.SIZE, frame.length);
            var batch = new FrameBatch();
            batch.add(segment, 0, VnetHeader.SIZE + frame.length);
            assertThat(port.send(batch)).isEqualTo(1);
            return frame;
        }
    }

    private void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(end);
            loop.poll(10);
        }
    }

    @Test
    void guestsMeetIsolatedOnesDoNotAndEverythingIsCaptured(@TempDir Path folder) throws Exception {
        Path open = folder.resolve("open");
        Path isolated = folder.resolve("isolated");
        Path capture = folder.resolve("all.pcapng");
        try (loop; RunningVz vz = RunningVz.start(folder, "switch", "--port", "listen=" + open, "--port",
                "listen=" + isolated + ",isolated,mac=52:54:00:00:00:03,mac=52:54:00:00:00:04", "--capture",
                capture.toString())) {
            vz.await("switching 2 ports");
            Guest one = Guest.at(open, 0x5254_0000_0001L, loop);
            Guest two = Guest.at(open, 0x5254_0000_0002L, loop);
            Guest lonely = Guest.at(isolated, 0x5254_0000_0003L, loop);
            Guest alone = Guest.at(isolated, 0x5254_0000_0004L, loop);
            awaitPorts(vz, 4);
            byte[] toAll = lonely.send(ALL, 'a');
            until("the frame to all", () -> !one.got.isEmpty() && !two.got.isEmpty());
            byte[] back = one.send(lonely.mac, 'b');
            until("the answer", () -> !lonely.got.isEmpty());
            byte[] last = one.send(ALL, 'c');
            until("the last frame", () -> !two.got.isEmpty() && !alone.got.isEmpty() && two.got.size() > 1
                    && lonely.got.size() > 1);
            assertThat(one.got).containsExactly(toAll);
            assertThat(two.got).containsExactly(toAll, last);
            assertThat(lonely.got).containsExactly(back, last);
            assertThat(alone.got).as("isolated ports do not see each other").containsExactly(last);
            vz.type("stations");
            vz.await("52:54:00:00:00:03");
            vz.await("52:54:00:00:00:01");
            vz.type("quit");
            assertThat(vz.awaitEnd()).isZero();
            assertThat(open).doesNotExist();
            assertThat(frames(capture)).contains("a", "b", "c");
        }
    }

    /** A connection becomes a port a moment later. */
    private static void awaitPorts(RunningVz vz, int count) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            int before = vz.said().length();
            vz.type("ports");
            vz.type("?");
            while (!vz.said().substring(before).contains("known words")) {
                assertThat(System.nanoTime()).as(vz.said()).isLessThan(end);
                Thread.sleep(10);
            }
            if (vz.said().substring(before).lines().filter(line -> line.contains(": received ")).count() == count) {
                return;
            }
        }
    }

    /** What the test's frames in a capture are filled with. */
    private static List<String> frames(Path capture) {
        var contents = new ArrayList<String>();
        try (var reader = CaptureReader.open(capture)) {
            while (reader.next()) {
                MemorySegment segment = reader.segment();
                if (EthernetHeader.type(segment, reader.frameOffset()) == LOCAL_TYPE) {
                    contents.add(String.valueOf((char) segment.get(ValueLayout.JAVA_BYTE, reader.frameOffset() + 20)));
                }
            }
        }
        return contents;
    }
}
