package dev.vz.emulator.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.testing.Peers;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every MMX and SSE integer instruction against the host's, bit for bit. */
class IntegerAgainstHostTest {

    private static final int CASES = Integer.getInteger("vz.cases", 2048);
    private static final List<String> FEATURES = List.of("ssse3", "sse4_1", "sse4_2", "aes", "pclmulqdq", "popcnt");
    private static final List<Class<?>> FAMILIES = List.of(Aes.class, PackedAddition.class, PackedComparison.class,
            PackedConversion.class, PackedDouble.class, PackedElement.class, PackedHorizontal.class, PackedLogic.class,
            PackedMultiplication.class, PackedShift.class, PackedShuffle.class, PackedSingle.class, PackedWidth.class,
            Polynomial.class, Rounding.class, ScalarConversion.class, ScalarDouble.class, ScalarSingle.class,
            StringComparison.class);

    @Test
    void agrees() {
        try (HostCpu host = HostCpu.start()) {
            for (String feature : FEATURES) {
                Peers.require(HostCpu.features().contains(feature), "the host's processor has no " + feature);
            }
            var comparison = new Comparison(host);
            List<VectorInstruction> instructions = IntegerInstructions.all();
            for (VectorInstruction instruction : instructions) {
                comparison.compare(instruction.name(), instruction.code(), CASES, instruction.operands(),
                        instruction::execute, MachineCase::describeVector);
            }
            System.getLogger(getClass().getName()).log(System.Logger.Level.INFO,
                    "{0} encodings, {1} cases, seed {2}", instructions.size(), comparison.cases(),
                    Long.toString(comparison.seed()));
            assertThat(comparison.differences()).isEmpty();
        }
    }

    @Test
    void everyFunctionIsInOneOfTheTables() {
        Set<String> tested = Stream.concat(IntegerInstructions.all().stream(), FloatInstructions.all(false).stream())
                .map(VectorInstruction::name).collect(Collectors.toCollection(TreeSet::new));
        Set<String> functions = FAMILIES.stream().flatMap(family -> Stream.of(family.getDeclaredMethods()))
                .filter(method -> Modifier.isPublic(method.getModifiers())).map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(functions).isNotEmpty();
        assertThat(tested).containsAll(functions);
    }
}
