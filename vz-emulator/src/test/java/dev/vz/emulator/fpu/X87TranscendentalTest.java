package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.X87Operands;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The transcendental x87 instructions against the host's. Processors differ in the last place of these, so results may lie
 * one unit in the last place apart; everything else, from special operands to tags, has to agree.
 */
class X87TranscendentalTest {

    private static final int CASES = Integer.getInteger("vz.cases", 40_000);
    private static final long ULPS = 1;

    private static HostCpu host;

    private long worst;
    private long unequal;

    @BeforeAll
    static void start() {
        host = HostCpu.start();
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"F2XM1, 0xF0", "FYL2X, 0xF1", "FPTAN, 0xF2", "FPATAN, 0xF3", "FYL2XP1, 0xF9", "FSINCOS, 0xFB",
        "FSIN, 0xFE", "FCOS, 0xFF"})
    void resultsAreWithinOneUlpOfTheHosts(String name, int modrm) {
        var comparison = new Comparison(host);
        byte[] code = {(byte) 0xD9, (byte) modrm};
        compare(comparison, name + " ordinary", code, (c, random) -> ordinary(c, random, modrm));
        if (HostCpu.isAmd()) {
            // Operands that the architecture leaves undefined are answered as this vendor's processors do.
            compare(comparison, name + " masked", code, X87Operands::masked);
            compare(comparison, name + " unmasked", code, X87Operands::unmasked);
        }
        System.getLogger(getClass().getName()).log(System.Logger.Level.INFO,
                "{0}: {1} cases, {2} not equal to the host, at most {3} ulp apart, seed {4}", name,
                comparison.cases(), unequal, worst, Long.toString(comparison.seed()));
        assertThat(comparison.differences()).isEmpty();
    }

    private void compare(Comparison comparison, String name, byte[] code, Comparison.Generator generator) {
        comparison.compare(name, code, CASES, generator, c -> X87Escapes.register(c.fpu, 0xD9, code[1] & 0xFF, 0),
                this::isClose, MachineCase::describeX87);
    }

    /** Registers equal but for an ulp; rounding direction and, next to the smallest normal number, UE may differ. */
    private boolean isClose(MachineCase mine, MachineCase theirs) {
        FpuState a = mine.fpu;
        FpuState b = theirs.fpu;
        if (a.top != b.top || a.ftw != b.ftw || ((a.fsw ^ b.fsw) & ~FpuState.C1) != 0) {
            return false;
        }
        unequal++;
        for (int i = 0; i < 8; i++) {
            long distance = distance(a.signExponent[i], a.significand[i], b.signExponent[i], b.significand[i]);
            if (distance < 0 || distance > ULPS) {
                return false;
            }
            worst = Math.max(worst, distance);
        }
        return true;
    }

    /** Units in the last place between two numbers of the same sign, or -1 if they are far apart. */
    private static long distance(int exponentA, long a, int exponentB, long b) {
        boolean denormal = (exponentA & 0x7FFF) + (exponentB & 0x7FFF) == 1;
        if (exponentA == exponentB || denormal && (exponentA ^ exponentB) == 1) {
            return Math.abs(a - b);
        }
        if (exponentA == exponentB + 1) {
            return a - Long.MIN_VALUE + (-1 - b) + 1;
        }
        return exponentB == exponentA + 1 ? b - Long.MIN_VALUE + (-1 - a) + 1 : -1;
    }

    /** Finite operands in the range that the instruction is meant for. */
    private static void ordinary(MachineCase c, SplittableRandom random, int modrm) {
        X87Operands.masked(c, random);
        c.fpu.ftw = 0xFF & ~(1 << c.fpu.physical(7));
        int x = c.fpu.physical(0);
        int sign = random.nextInt(2) << 15;
        c.fpu.significand[x] = random.nextLong() | Long.MIN_VALUE;
        c.fpu.signExponent[x] = switch (modrm) {
            case 0xF0 -> sign | 16382 - exponent(random, 70);
            case 0xF1 -> random.nextBoolean() ? 16383 - random.nextInt(2) : 16383 + exponent(random, 16000);
            case 0xF9 -> sign | 16381 - exponent(random, 80) - (sign != 0 ? 1 : 0);
            case 0xF3 -> sign | 16383 + random.nextInt(41) - 20;
            default -> sign | 16383 + (random.nextBoolean() ? random.nextInt(63) : -exponent(random, 80));
        };
        int y = c.fpu.physical(1);
        c.fpu.significand[y] = random.nextLong() | Long.MIN_VALUE;
        c.fpu.signExponent[y] = random.nextInt(2) << 15 | 16383 + random.nextInt(41) - 20;
    }

    private static int exponent(SplittableRandom random, int limit) {
        return random.nextInt(random.nextBoolean() ? 5 : limit);
    }
}
