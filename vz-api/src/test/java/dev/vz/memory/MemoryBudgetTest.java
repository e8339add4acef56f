package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {

    private final MemoryBudget budget = new MemoryBudget("host", 1000);

    @Test
    void givesUntilNothingIsLeft() {
        MemoryBudget.Reservation one = budget.reserve("one", 600);
        assertThat(budget.available()).isEqualTo(400);
        assertThatThrownBy(() -> budget.reserve("two", 401)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("\"host\"").hasMessageContaining("1000").hasMessageContaining("400 left")
                .hasMessageContaining("two asked for 401");
        assertThat(budget.reserved()).as("a refusal takes nothing").isEqualTo(600);
        MemoryBudget.Reservation two = budget.reserve("two", 400);
        assertThat(budget.available()).isZero();
        assertThat(one.tryResize(601)).isFalse();
        assertThat(one.bytes()).isEqualTo(600);
        one.resize(100);
        assertThat(two.tryResize(900)).isTrue();
        two.close();
        two.close();
        assertThat(budget.reserved()).isEqualTo(100);
        one.close();
        assertThat(budget.reserved()).isZero();
    }

    @Test
    void takesNoNonsense() {
        assertThatThrownBy(() -> new MemoryBudget("x", 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> budget.reserve("x", -1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> budget.reserve("x", Long.MAX_VALUE)).isInstanceOf(CapabilityException.class);
        MemoryBudget.Reservation closed = budget.reserve("x", 1);
        closed.close();
        assertThatThrownBy(() -> closed.resize(2)).isInstanceOf(LifecycleException.class).hasMessageContaining("x");
        assertThat(budget.reserved()).isZero();
    }

    @Test
    void neverPassesTheLimitWhateverMachinesDoTogether() throws Exception {
        var over = new AtomicBoolean();
        var expected = new AtomicLong();
        try (var pool = Executors.newFixedThreadPool(4)) {
            for (int t = 0; t < 4; t++) {
                long seed = t;
                pool.submit(() -> {
                    var random = new Random(seed);
                    try (MemoryBudget.Reservation mine = budget.reserve("machine " + seed, 0)) {
                        for (int i = 0; i < 20_000; i++) {
                            mine.tryResize(random.nextInt(600));
                            long now = budget.reserved();
                            if (now < 0 || now > budget.limit()) {
                                over.set(true);
                            }
                        }
                        expected.addAndGet(mine.bytes());
                        assertThat(mine.bytes()).isLessThanOrEqualTo(budget.limit());
                    }
                });
            }
        }
        assertThat(over).isFalse();
        assertThat(budget.reserved()).isZero();
    }
}
