package dev.vz.emulator.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.testing.Peers;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every SSE floating-point instruction against the host's, bit for bit: results, MXCSR and whether it traps. */
class FloatAgainstHostTest {

    private static final int CASES = Integer.getInteger("vz.cases", 16_000);

    private static HostCpu host;

    @BeforeAll
    static void start() {
        host = HostCpu.start();
        Peers.require(HostCpu.features().contains("sse4_1"), "the host's processor has no SSE4.1");
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    @Test
    void agreesWithExceptionsMasked() {
        compare(FloatInstructions.all(false), CASES);
    }

    @Test
    void agreesWithExceptionsUnmasked() {
        // A trap costs the host some microseconds.
        compare(FloatInstructions.all(true), CASES / 4);
    }

    private static void compare(List<VectorInstruction> instructions, int cases) {
        var comparison = new Comparison(host);
        for (VectorInstruction instruction : instructions) {
            comparison.compare(instruction.name(), instruction.code(), cases, instruction.operands(),
                    instruction::execute, MachineCase::describeVector);
        }
        System.getLogger(FloatAgainstHostTest.class.getName()).log(System.Logger.Level.INFO,
                "{0} instructions, {1} cases, seed {2}", instructions.size(), comparison.cases(),
                Long.toString(comparison.seed()));
        assertThat(comparison.differences()).isEmpty();
    }
}
