package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.virtio.block.BlockFrontend;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A driver behind another virtual machine monitor: what it does to the rings reaches our back end through QEMU. Whatever it
 * is, after a reset the disk works again, for the same guest.
 */
@Timeout(120)
class QtestDriverTest {

    private static final long HEADER = 0x20_0000;
    private static final long STATUS = 0x20_1000;
    private static final long DATA = 0x20_2000;
    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final int INDIRECT = 4;

    @TempDir
    Path folder;
    private VhostUserServer server;
    private QtestGuest guest;

    @BeforeEach
    void start() throws Exception {
        Path socket = folder.resolve("blk");
        server = VhostUserServer.serve(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "qtest", 1),
                UnixAddress.of(socket), VhostUserServer.Options.standard());
        guest = new QtestGuest(folder, socket);
    }

    @AfterEach
    void end() throws Exception {
        if (guest != null) {
            guest.close();
        }
        server.close();
    }

    /** Sets the device up and has a sector read or written: descriptors 0 to 2. */
    private void works(int type, long sector) throws InterruptedException {
        guest.begin();
        guest.write(HEADER, ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putInt(type).putInt(0)
                .putLong(sector).array());
        guest.write(8, STATUS, 0xEE);
        guest.descriptor(0, HEADER, 16, NEXT, 1);
        guest.descriptor(1, DATA, 512, NEXT | (type == 0 ? WRITE : 0), 2);
        guest.descriptor(2, STATUS, 1, WRITE, 0);
        guest.offer(0, 1);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (guest.usedIdx() == 0 && System.nanoTime() < end) {
            Thread.sleep(1);
        }
        assertThat(guest.usedIdx()).as("used.idx").isEqualTo(1);
        assertThat(guest.read(8, STATUS)).isZero();
    }

    @Test
    void aSectorIsWrittenAndRead() throws InterruptedException {
        var bytes = new byte[512];
        new Random(1).nextBytes(bytes);
        guest.write(DATA, bytes);
        works(1, 5);
        guest.clear(DATA, 512);
        works(0, 5);
        for (int i = 0; i < bytes.length; i += 8) {
            assertThat(guest.read(64, DATA + i))
                    .isEqualTo(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(i));
        }
    }

    private static Map<String, Consumer<QtestGuest>> tricks() {
        Map<String, Consumer<QtestGuest>> all = new LinkedHashMap<>();
        all.put("a chain that loops", g -> g.descriptor(4, HEADER, 16, NEXT, 4));
        all.put("a next outside the table", g -> g.descriptor(4, HEADER, 16, NEXT, 999));
        all.put("a buffer outside memory", g -> g.descriptor(4, 1L << 45, 4096, WRITE, 0));
        all.put("a buffer at the end of all addresses", g -> g.descriptor(4, -1, 0xFFFF_FFFFL, WRITE, 0));
        all.put("a buffer in a register of the machine", g -> g.descriptor(4, 0xE000_0000L, 64, WRITE, 0));
        all.put("an indirect table of an odd size", g -> g.descriptor(4, HEADER, 15, INDIRECT, 0));
        all.put("an indirect table that is its own entry", g -> g.descriptor(4, QtestGuest.DESCRIPTORS + 64, 16,
                INDIRECT, 0));
        all.put("no room for a status", g -> g.descriptor(4, HEADER, 16, 0, 0));
        all.put("no header", g -> g.descriptor(4, DATA, 1, WRITE, 0));
        return all;
    }

    @Test
    void whateverTheDriverDoesToItsRingAResetHeals() throws InterruptedException {
        works(0, 1);
        for (var trick : tricks().entrySet()) {
            trick.getValue().accept(guest);
            guest.offer(4, 2);
            // Time to stumble; the next line would notice.
            Thread.sleep(20);
            works(0, 1);
            assertThat(guest.isAlive()).as(trick.getKey()).isTrue();
        }
    }

    @Test
    void headsAndIndicesThatCannotBeAreHealedByAReset() throws InterruptedException {
        works(0, 1);
        for (int head : new int[] {QtestGuest.QUEUE_SIZE, 0x7FFF, 0xFFFF}) {
            guest.offer(head, 2);
            Thread.sleep(20);
            works(0, 1);
        }
        for (int idx : new int[] {QtestGuest.QUEUE_SIZE + 2, 0x8000, 0xFFFF}) {
            guest.write(16, QtestGuest.AVAIL + 2, idx);
            guest.kick();
            Thread.sleep(20);
            works(0, 1);
        }
        assertThat(guest.isAlive()).isTrue();
    }

    @Test
    void randomDescriptorsNeverKeepTheDiskFromWorkingAfterAReset() throws InterruptedException {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        for (int round = 0; round < 12; round++) {
            works(0, 1);
            for (int i = 0; i < 16; i++) {
                long address = random.nextInt(4) == 0 ? random.nextLong() : HEADER + random.nextInt(0x4000);
                guest.descriptor(3 + i, address, random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(2000),
                        random.nextInt(8), 3 + random.nextInt(17));
            }
            for (int i = 0; i < 8; i++) {
                guest.offer(random.nextInt(20), 2 + i);
            }
        }
        works(0, 1);
        assertThat(guest.isAlive()).as("seed %d", seed).isTrue();
    }
}
