package dev.vz.emulator.translator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Regions whose accesses are calls, and those that take their place. */
class DistantRegionTest {

    private static final long CODE = 0x20_0000;
    private static final long DATA = 0x30_0000;
    private static final int ROUNDS = 400_000;

    /** A loop that adds to a number in memory, whose place goes across the end of a page now and then. */
    @ParameterizedTest
    @CsvSource({"true, true", "false, true", "true, false", "false, false"})
    void aRegionThatIsWorthwhileIsMadeAnewWithoutCalls(boolean alone, boolean distant) {
        byte[] code = new CodeBytes().add(0xB9).number(ROUNDS, 4) // mov ecx, rounds
                .add(0x48, 0x89, 0xF7) // mov rdi, rsi
                .add(0xF6, 0xC1, 0x3F) // test cl, 63
                .add(0x75, 0x07) // jnz to the addition
                .add(0x48, 0x8D, 0xBE).number(0xFFC, 4) // lea rdi, [rsi + 0xffc]
                .add(0x48, 0x01, 0x0F) // add [rdi], rcx
                .add(0xFF, 0xC9) // dec ecx
                .add(0x75, 0xEA) // jnz to the second instruction
                .add(0xF4).toArray(); // hlt
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            c.alone = alone;
            Heat heat = Heat.of(1024);
            var cache = new RegionCache(c, new Workshop(Runnable::run), distant ? heat : heat.near(), 100);
            c.translator = cache;
            p.memory.write(CODE, code);
            p.longMode(CODE, 0);
            c.gpr[6] = DATA;
            p.runToHalt();
            long all = (long) ROUNDS * (ROUNDS + 1) / 2;
            long across = 64L * (ROUNDS / 64) * (ROUNDS / 64 + 1) / 2;
            assertThat(p.memory.readLong(DATA + 0xFFC)).isEqualTo(across);
            assertThat(p.memory.readLong(DATA)).isEqualTo(all - across);
            assertThat(cache.retired()).as("instructions in regions").isGreaterThan(ROUNDS);
            assertThat(cache.regions()).isNotEmpty().as("what works most is near in the end")
                    .anySatisfy(region -> {
                        assertThat(region.isDistant()).isFalse();
                        assertThat(region.executed()).isGreaterThan(ROUNDS);
                    });
        }
    }
}
