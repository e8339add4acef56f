package dev.vz.emulator.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import org.junit.jupiter.api.Test;

/** INVLPG of any address in a large page flushes all of it (Intel SDM 3A, 4.10.4.1); one elsewhere leaves it alone. */
class LargePageFlushTest {

    private static final long DIRECTORY = TestProcessor.TABLES + 0x2000;
    private static final long LARGE = 0x40_0000;
    private static final long OTHER = 0x20_0000;

    @Test
    void aLargePageIsFlushedByAnyOfItsAddressesAndNotByOneFarAway() {
        try (var p = new TestProcessor(6 << 20)) {
            p.memory.writeLong(LARGE, 1);
            p.memory.writeLong(OTHER, 2);
            p.longMode(0x1000, 0);
            assertThat(p.cpu.readLong(LARGE)).isEqualTo(1);
            p.memory.writeLong(DIRECTORY + 8 * (LARGE >> 21), OTHER | 0x87);
            p.cpu.mmu.flushPage(0x8000_0000L);
            assertThat(p.cpu.readLong(LARGE)).as("kept").isEqualTo(1);
            p.cpu.mmu.flushPage(LARGE + 0x1F_F000);
            assertThat(p.cpu.readLong(LARGE)).as("flushed").isEqualTo(2);
        }
    }

    @Test
    void largePagesInMoreGigabytesThanAreRememberedAreFlushedByEveryAddress() {
        try (var p = new TestProcessor(6 << 20)) {
            p.longMode(0x1000, 0);
            // 64 GiB: the first page directory again and again.
            for (int i = 0; i < 64; i++) {
                p.memory.writeLong(TestProcessor.TABLES + 0x1000 + 8L * i, DIRECTORY | 7);
            }
            p.memory.writeLong(LARGE, 1);
            p.memory.writeLong(OTHER, 2);
            for (long i = 0; i < 32; i++) {
                assertThat(p.cpu.readLong(LARGE + (i << 30))).isEqualTo(1);
            }
            p.memory.writeLong(DIRECTORY + 8 * (LARGE >> 21), OTHER | 0x87);
            p.cpu.mmu.flushPage(LARGE + (31L << 30) + 0x1000);
            assertThat(p.cpu.readLong(LARGE + (31L << 30))).as("flushed").isEqualTo(2);
        }
    }
}
