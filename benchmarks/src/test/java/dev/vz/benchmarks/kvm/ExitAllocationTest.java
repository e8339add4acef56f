package dev.vz.benchmarks.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Allocations;
import dev.vz.testing.Peers;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An exit to a handler allocates nothing, measured on the code that the benchmark measures. */
class ExitAllocationTest {

    /** A run that is kicked after so many exits; a byte more in each would show. */
    private static final int EXITS = 500;

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @ParameterizedTest
    @Tag("allocation")
    @EnumSource(ExitLoop.Kind.class)
    void anExitAllocatesNothing(ExitLoop.Kind kind) {
        try (var loop = new ExitLoop(kind)) {
            assertThat(Allocations.perCall(50, () -> loop.run(EXITS))).as("bytes for " + EXITS + " exits")
                    .isLessThan(EXITS);
        }
    }

    @ParameterizedTest
    @Tag("allocation")
    @EnumSource(ExitLoop.Kind.class)
    void aRunThatIsKickedAllocatesNothing(ExitLoop.Kind kind) {
        try (var loop = new ExitLoop(kind)) {
            assertThat(Allocations.perCall(5_000, () -> loop.run(1))).isZero();
        }
    }
}
