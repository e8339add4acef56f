package dev.vz.emulator.translator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Modes;
import org.junit.jupiter.api.Test;

/** A guest that rewrites hot code gets what it has written, and ever fewer translations for it. */
class RewrittenCodeTest {

    private static final long CODE = 0x20_0000;
    private static final int REWRITES = 3000;
    private static final int ROUNDS = 2000;

    @Test
    void codeThatIsRewrittenAgainAndAgainIsTranslatedLessAndLess() {
        byte[] code = new CodeBytes().add(0x49, 0xC7, 0xC7).number(REWRITES, 4) // mov r15, REWRITES
                .add(0x31, 0xC0) // xor eax, eax
                .add(0xB9).number(ROUNDS, 4) // 9: mov ecx, ROUNDS
                .add(0x05).number(1, 4) // 14: add eax, 1
                .add(0xFF, 0xC9) // dec ecx
                .add(0x75, 0xF7) // jnz 14
                .add(0x44, 0x88, 0x3D).number(15 - 30, 4) // mov [15], r15b
                .add(0x49, 0xFF, 0xCF) // dec r15
                .add(0x75, 0xE6) // jnz 9
                .add(0xF4) // hlt
                .toArray();
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            var cache = new RegionCache(c, new Workshop(Runnable::run), 1024);
            c.translator = cache;
            p.memory.write(CODE, code);
            p.longMode(CODE, 0);
            p.runToHalt();
            int expected = ROUNDS;
            for (int written = REWRITES; written > 1; written--) {
                expected += ROUNDS * (written & 0xFF);
            }
            assertThat(c.gpr[0]).as("the sum of what was written").isEqualTo(expected & 0xFFFF_FFFFL);
            assertThat(cache.made()).as("translations").isBetween(4L, 64L);
        }
    }

    @Test
    void codeInAPageThatIsMappedElsewhereIsNotEnteredThroughAnOldTranslation() {
        byte[] body = new CodeBytes().add(0xB9).number(ROUNDS, 4) // mov ecx, ROUNDS
                .add(0x83, 0xC0, 0x01) // 5: add eax, 1
                .add(0xFF, 0xC9) // dec ecx
                .add(0x75, 0xF9) // jnz 5
                .add(0xF4) // hlt
                .toArray();
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            var cache = new RegionCache(c, new Workshop(Runnable::run), 1024);
            c.translator = cache;
            p.longMode(0x40_0000, 0);
            // The page at 4 MiB can be either of two that differ in what they add.
            for (int i = 0; i < 512; i++) {
                p.memory.writeLong(RandomProgram.PAGE_TABLE + 8L * i, 0x40_0000L + 0x1000L * i | 7);
            }
            p.memory.writeLong(TestProcessor.TABLES + 0x2000 + 8 * 2, RandomProgram.PAGE_TABLE | 7);
            p.memory.write(0x20_0000, body);
            body[7] = 3;
            p.memory.write(0x20_1000, body);
            long sum = 0;
            for (int i = 0; i < 20; i++) {
                int add = i % 3 == 0 ? 3 : 1;
                p.memory.writeLong(RandomProgram.PAGE_TABLE, (add == 3 ? 0x20_1000 : 0x20_0000) | 7);
                if (i % 2 == 0) {
                    c.mmu.flushPage(0x40_0000);
                } else {
                    c.mmu.flushLocal(); // the page is not global: a write of CR3 does it, too
                }
                Modes.stamp(c);
                c.rip = 0x40_0000;
                p.runToHalt();
                sum += (long) add * ROUNDS;
                assertThat(c.gpr[0]).as("after run %d", i).isEqualTo(sum);
            }
            assertThat(cache.made()).as("translations").isPositive();
        }
    }
}
