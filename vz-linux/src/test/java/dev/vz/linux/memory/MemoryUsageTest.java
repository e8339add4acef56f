package dev.vz.linux.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class MemoryUsageTest {

    private static final String SMAPS = """
            7f0000000000-7f0000004000 rw-p 00000000 00:00 0                          [anon:guest: ram]
            Size:                 16 kB
            Rss:                  12 kB
            Pss:                   6 kB
            AnonHugePages:         0 kB
            Swap:                  4 kB
            Locked:               12 kB
            THPeligible:           0
            VmFlags: rd wr mr mw me ac sd
            7f0000004000-7f0000006000 r--p 00000000 08:01 1234 /a file: with-dashes
            Rss:                   8 kB
            Pss:                   8 kB
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
            Rss:                   4 kB
            """;

    @Test
    void sumsTheMappingsThatOverlap() {
        assertThat(MemoryUsage.parse(SMAPS.lines(), 0x7f0000000000L, 0x4000))
                .isEqualTo(new MemoryUsage(12 << 10, 6 << 10, 0, 4 << 10, 12 << 10));
        assertThat(MemoryUsage.parse(SMAPS.lines(), 0x7f0000003000L, 0x2000).resident()).isEqualTo(20 << 10);
        assertThat(MemoryUsage.parse(SMAPS.lines(), 0x7f0000006000L, 0x1000).resident()).isZero();
        assertThat(MemoryUsage.parse(SMAPS.lines(), 0xffffffffff600000L, 0x1000).resident()).isEqualTo(4 << 10);
    }

    @Test
    void agreesWithTheKernelAboutMemoryOfOurs() {
        try (var memory = MappedMemory.map(Mapping.anonymous(64 << 12).withGuards())) {
            memory.advise(Advice.NO_HUGE_PAGE, 0, memory.size());
            assertThat(memory.usage().resident()).isZero();
            for (int page = 0; page < 10; page++) {
                memory.segment().set(ValueLayout.JAVA_BYTE, page << 12, (byte) 1);
            }
            assertThat(memory.usage().resident()).isEqualTo(10 << 12);
            assertThat(memory.usage().proportional()).isEqualTo(10 << 12);
            memory.lock(0, memory.size());
            assertThat(memory.usage().locked()).isEqualTo(64 << 12);
        }
    }

    @Property
    void numbersOfAnySizeAreAddedUp(@ForAll int kilobytes) {
        long number = Integer.toUnsignedLong(kilobytes);
        String text = "1000-2000 rw-p 00000000 00:00 0\nRss: " + number + " kB\n";
        assertThat(MemoryUsage.parse(text.lines(), 0x1000, 0x1000).resident()).isEqualTo(number << 10);
    }
}
