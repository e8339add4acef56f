package dev.vz.emulator.translator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What becomes a region, and what does not because another one has it already. */
class RegionChoiceTest {

    private static final long CODE = 0x20_0000;
    private static final long KERNEL = 0x21_0000;
    private static final long DATA = 0x30_0000;

    /** Two loops, one in the other, with a condition: five blocks, each of them hot. */
    private static byte[] loops(int rounds) {
        return new CodeBytes().add(0xB9).number(rounds, 4) // mov ecx, rounds
                .add(0xBA).number(4, 4) // outer: mov edx, 4
                .add(0x48, 0x01, 0xD0) // inner: add rax, rdx
                .add(0xFF, 0xCA) // dec edx
                .add(0x75, 0xF9) // jnz inner
                .add(0xF6, 0xC1, 0x01) // test cl, 1
                .add(0x74, 0x03) // jz behind the next
                .add(0x48, 0xFF, 0xC0) // inc rax
                .add(0xFF, 0xC9) // dec ecx
                .add(0x75, 0xE8) // jnz outer
                .add(0xF4).toArray(); // hlt
    }

    @Test
    void theBlocksOfARegionAreNotTranslatedAgainWhileItIsBeingMadeNorWhenItIsThere() {
        int rounds = 40_000;
        List<Runnable> asked = new ArrayList<>();
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            var cache = new RegionCache(c, new Workshop(asked::add), Heat.of(1024).near(), 100);
            c.translator = cache;
            p.memory.write(CODE, loops(rounds));
            p.longMode(CODE, 0);
            c.gpr[0] = 0;
            p.runToHalt();
            assertThat(c.gpr[0]).isEqualTo(10L * rounds + rounds / 2);
            assertThat(asked).as("regions asked for while the first one was being made").hasSize(1);

            asked.removeFirst().run();
            asked.removeFirst().run(); // to publish it is left to the same executor
            c.gpr[0] = 0;
            c.rip = CODE;
            p.runToHalt();
            assertThat(c.gpr[0]).isEqualTo(10L * rounds + rounds / 2);
            assertThat(asked).as("regions asked for when the first one was there").isEmpty();
            assertThat(cache.regions()).singleElement().satisfies(region -> {
                assertThat(region.blocks()).hasSizeGreaterThan(3);
                assertThat(region.executed()).isGreaterThan(10L * rounds);
            });
        }
    }

    /** The loop's region is left for a system call each time, so that the processor is in the kernel's mode behind it. */
    @Test
    void aProgramsRegionThatASystemCallAlwaysEndsIsMadeAnewAsAProgramsRegion() {
        int calls = 4000;
        int rounds = 30;
        byte[] program = new CodeBytes().add(0x41, 0xBF).number(calls, 4) // mov r15d, calls
                .add(0xBA).number(rounds, 4) // top: mov edx, rounds
                .add(0x48, 0x01, 0x16) // inner: add [rsi], rdx
                .add(0xF6, 0xC2, 0x01) // test dl, 1
                .add(0x74, 0x03) // jz behind the next
                .add(0x48, 0xFF, 0xC0) // inc rax
                .add(0xFF, 0xCA) // dec edx
                .add(0x75, 0xF1) // jnz inner
                .add(0x0F, 0x05) // syscall
                .add(0x41, 0xFF, 0xCF) // dec r15d
                .add(0x75, 0xE5) // jnz top
                .add(0xE6, 0x10).toArray(); // out 16, al
        try (var p = new TestProcessor(6 << 20)) {
            Cpu c = p.cpu;
            var cache = new RegionCache(c, new Workshop(Runnable::run), Heat.of(1024), 100);
            c.translator = cache;
            c.msrs.star = 0x13L << 48 | 0x8L << 32;
            c.msrs.lstar = KERNEL;
            p.memory.write(CODE, program);
            p.memory.write(KERNEL, new CodeBytes().add(0x48, 0x0F, 0x07).toArray()); // sysretq
            p.portListener = access -> c.attend(Cpu.ATTEND_KICK);
            p.longMode(CODE, 3);
            c.flags |= Flags.IOPL;
            c.gpr[0] = 0;
            c.gpr[6] = DATA;
            p.interpreter.run();
            assertThat(c.cpl).isEqualTo(3);
            assertThat(c.gpr[0]).isEqualTo((long) calls * rounds / 2);
            assertThat(p.memory.readLong(DATA)).isEqualTo((long) calls * rounds * (rounds + 1) / 2);
            assertThat(cache.regions()).as("the loop's blocks are in a region without calls").anySatisfy(region -> {
                assertThat(region.isDistant()).isFalse();
                assertThat(region.blocks()).hasSizeGreaterThan(2);
            });
        }
    }
}
