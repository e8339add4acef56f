package dev.vz.emulator.translator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import org.junit.jupiter.api.Test;

/** A guest with more code than the caches hold gets right results, and the caches stay as small as they are meant to be. */
class FullCacheTest {

    private static final long CODE = 0x20_0000;

    @Test
    void moreLoopsThanTheTranslatorHoldsAreForgottenAndMadeAnew() {
        int loops = 40;
        int rounds = 30;
        int turns = 600;
        int held = 8;
        var code = new CodeBytes().add(0x49, 0xC7, 0xC7).number(rounds, 4) // mov r15, rounds
                .add(0x31, 0xC0); // xor eax, eax
        int top = code.size();
        long expected = 0;
        for (int i = 0; i < loops; i++) {
            code.add(0xB9).number(turns, 4) // mov ecx, turns
                    .add(0x05).number(i, 4) // add eax, i
                    .add(0xFF, 0xC9) // dec ecx
                    .add(0x75, 0xF7); // jnz to the addition
            expected += (long) i * turns * rounds;
        }
        code.add(0x49, 0xFF, 0xCF) // dec r15
                .add(0x0F, 0x85).number(0, 4); // jnz to the first loop
        code.patchRelative(code.size() - 4, top);
        code.add(0xF4); // hlt
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            var cache = new RegionCache(c, new Workshop(Runnable::run), Heat.of(1024), held);
            c.translator = cache;
            p.memory.write(CODE, code.toArray());
            p.longMode(CODE, 0);
            p.runToHalt();
            assertThat(c.gpr[0]).isEqualTo(expected);
            assertThat(cache.size()).as("regions held").isBetween(1, held);
            assertThat(cache.made()).as("regions made").isGreaterThan(held);
        }
    }

    @Test
    void moreInstructionsThanTheDecoderHoldsAreForgottenAndDecodedAnew() {
        int instructions = 700_000;
        int held = 600_000;
        byte[] code = new byte[3 * instructions + 1];
        for (int i = 0; i < instructions; i++) {
            code[3 * i] = (byte) 0x83; // add eax, 1
            code[3 * i + 1] = (byte) 0xC0;
            code[3 * i + 2] = 1;
        }
        code[3 * instructions] = (byte) 0xF4; // hlt
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            p.memory.write(CODE, code);
            p.longMode(CODE, 0);
            c.gpr[0] = 0;
            p.runToHalt();
            assertThat(c.gpr[0]).isEqualTo(instructions);
            assertThat(c.blocks.size()).as("instructions held decoded").isBetween(1, held);
        }
    }
}
