package dev.vz.emulator.translator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vz.emulator.cpu.Interpreter;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The interpreter and translated code do the same with random programs: registers, flags and vector registers at every port
 * write and page fault, and memory at the end. {@code -Dvz.seed} repeats a run, {@code -Dvz.lockstep.programs} sets how
 * many programs there are.
 */
class LockstepTest {

    private static final int PROGRAMS = Integer.getInteger("vz.lockstep.programs", 150);

    @Test
    void translatedProgramsDoWhatInterpretedOnesDo() {
        long seed = Long.getLong("vz.seed", System.nanoTime());
        var random = new Random(seed);
        long regions = 0;
        long translated = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            long programSeed = random.nextLong();
            boolean supervisor = i % 3 != 0;
            byte[] code = new RandomProgram(programSeed, supervisor).generate();
            LockstepGuest expected = LockstepGuest.run(code, programSeed, supervisor, false);
            LockstepGuest found;
            try {
                found = LockstepGuest.run(code, programSeed, supervisor, true);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", program " + i + ": " + HexFormat.of().formatHex(code), e);
            }
            compare("seed " + seed + ", program " + i + " (" + programSeed + "): " + HexFormat.of().formatHex(code),
                    expected, found);
            assertThat(expected.reason)
                    .as("program %d of seed %d: %s, last %s", i, seed, HexFormat.of().formatHex(code),
                            expected.sights.getLast())
                    .isEqualTo(Interpreter.Reason.KICKED);
            regions += found.regions;
            translated += found.translated;
        }
        assertThat(regions).as("regions made, seed %d", seed).isGreaterThan(PROGRAMS / 2);
        assertThat(translated).as("instructions translated, seed %d", seed).isGreaterThan(PROGRAMS * 10_000L);
    }

    private static void compare(String what, LockstepGuest expected, LockstepGuest found) {
        int count = Math.min(expected.sights.size(), found.sights.size());
        for (int i = 0; i < count; i++) {
            if (!expected.sights.get(i).isSameAs(found.sights.get(i))) {
                fail("%s%nsight %d%ninterpreted %s%ntranslated  %s", what, i, expected.sights.get(i),
                        found.sights.get(i));
            }
        }
        assertThat(found.reason).as(what).isEqualTo(expected.reason);
        assertThat(found.sights).as(what).hasSameSizeAs(expected.sights);
        assertThat(found.memory).as("memory of %s", what).isEqualTo(expected.memory);
    }
}
