package dev.vz.emulator.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The approximations: within the bound that the architecture sets, over all significands and both parities of the exponent;
 * with the host's answers to special operands, which the architecture does define.
 */
class ReciprocalTest {

    private static final double BOUND = 1.5 / 4096;
    private static final int[] SPECIAL = {0, 0x8000_0000, 1, 0x807F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000,
        0xFFC1_2345, 0x7F80_0001, 0xFFBF_FFFF, 0x7F00_0001, 0xFF00_0001, 0x7F7F_FFFF, 0xFF7F_FFFF, 0x7F40_0000};

    @Test
    void reciprocalsAreWithinTheBound() {
        for (int bits = 0x3F80_0000; bits < 0x4000_0000; bits++) {
            float x = Float.intBitsToFloat(bits);
            double error = Math.abs(Float.intBitsToFloat(Reciprocal.rcpss(bits)) * (double) x - 1);
            if (error > BOUND) {
                assertThat(error).as("relative error at %08x", bits).isLessThanOrEqualTo(BOUND);
            }
        }
    }

    @Test
    void reciprocalSquareRootsAreWithinTheBound() {
        for (int bits = 0x3F00_0000; bits < 0x4000_0000; bits++) {
            double exact = 1 / Math.sqrt(Float.intBitsToFloat(bits));
            double error = Math.abs(Float.intBitsToFloat(Reciprocal.rsqrtss(bits)) / exact - 1);
            if (error > BOUND) {
                assertThat(error).as("relative error at %08x", bits).isLessThanOrEqualTo(BOUND);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"53", "52"})
    void theHostAgreesOnSpecialOperandsAndWithinTwiceTheBoundElsewhere(String opcode) {
        var random = new SplittableRandom(Long.getLong("vz.seed", System.nanoTime()));
        byte[] records = new byte[HostCpu.CASES * MachineCase.LENGTH];
        int[] operands = new int[HostCpu.CASES];
        var state = new MachineCase();
        for (int i = 0; i < HostCpu.CASES; i++) {
            operands[i] = i < SPECIAL.length ? SPECIAL[i] : random.nextInt();
            state.fpu.xmm[0] = -1;
            state.fpu.xmm[1] = operands[i] & 0xFFFF_FFFFL;
            state.fpu.xmm[2] = (long) operands[i] << 32;
            state.fpu.xmm[3] = 0x3F80_0000_4000_0000L;
            state.write(records, i * MachineCase.LENGTH);
        }
        try (HostCpu host = HostCpu.start()) {
            host.execute(HexFormat.of().parseHex("0F" + opcode + "C1"), records, HostCpu.CASES);
        }
        for (int i = 0; i < HostCpu.CASES; i++) {
            state.read(records, i * MachineCase.LENGTH);
            FpuState s = state.fpu;
            assertThat(s.mxcsr).isEqualTo(FpuState.INITIAL_MXCSR);
            int theirs = (int) (s.xmm[0] >>> 32);
            if (opcode.equals("53")) {
                Reciprocal.rcpps(s, 4, 0, (long) operands[i] << 32);
            } else {
                Reciprocal.rsqrtps(s, 4, 0, (long) operands[i] << 32);
            }
            compare(operands[i], (int) (s.xmm[9] >>> 32), theirs);
        }
    }

    private static void compare(int operand, int mine, int theirs) {
        float expected = Float.intBitsToFloat(theirs);
        if (Float.isNaN(expected) || Float.isInfinite(expected) || expected == 0) {
            assertThat(mine).as("operand %08x", operand).isEqualTo(theirs);
        } else {
            assertThat(Float.intBitsToFloat(mine) / (double) expected).as("operand %08x", operand)
                    .isCloseTo(1, within(2 * BOUND));
        }
    }
}
