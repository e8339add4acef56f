package dev.vz.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** The three policies, in virtual time. */
class SchedulersTest {

    private static final long MILLI = 1_000_000L;
    private static final long SECOND = 1_000 * MILLI;

    private static long ran(VcpuScheduler scheduler, VcpuTask task, Simulation simulation) {
        return scheduler.statistics(task, simulation.now()).running();
    }

    @Test
    void roundRobinGivesEverybodyTheSame() {
        var scheduler = new RoundRobinScheduler(10 * MILLI);
        var simulation = new Simulation(scheduler, 2);
        var tasks = new ArrayList<VcpuTask>();
        for (int i = 0; i < 5; i++) {
            tasks.add(VcpuTask.of("vm" + i, 0));
            simulation.busy(tasks.get(i));
        }
        simulation.run(10 * SECOND);
        for (VcpuTask task : tasks) {
            assertThat(ran(scheduler, task, simulation)).isCloseTo(4 * SECOND, within(20 * MILLI));
        }
    }

    @Test
    void theHigherPriorityRunsAndTheLowerStillGetsItsTurn() {
        var scheduler = new PriorityScheduler(10 * MILLI, 50 * MILLI);
        var simulation = new Simulation(scheduler, 1);
        var high = new VcpuTask("high", 0, 60, 1024, Long.MAX_VALUE);
        var low = new VcpuTask("low", 0, 50, 1024, Long.MAX_VALUE);
        simulation.busy(low);
        simulation.busy(high);
        simulation.run(10 * SECOND);
        assertThat(ran(scheduler, high, simulation)).isGreaterThan(9 * SECOND);
        assertThat(scheduler.statistics(low, simulation.now()).slices())
                .as("once in every 10 levels of 50 ms").isBetween(15L, 25L);
    }

    @Test
    void equalPrioritiesTakeTurns() {
        var scheduler = new PriorityScheduler(10 * MILLI, 50 * MILLI);
        var simulation = new Simulation(scheduler, 1);
        var one = VcpuTask.of("one", 0);
        var two = VcpuTask.of("two", 0);
        simulation.busy(one);
        simulation.busy(two);
        simulation.run(SECOND);
        assertThat(ran(scheduler, one, simulation)).isEqualTo(ran(scheduler, two, simulation));
    }

    @Test
    void fairSharesFollowTheSharesAndNotTheNumberOfVcpus() {
        var scheduler = new FairShareScheduler(5 * MILLI);
        var simulation = new Simulation(scheduler, 2);
        var big = new VcpuTask("big", 0, 50, 3000, Long.MAX_VALUE);
        simulation.busy(big);
        simulation.busy(new VcpuTask("big", 1, 50, 3000, Long.MAX_VALUE));
        var small = new ArrayList<VcpuTask>();
        for (int i = 0; i < 8; i++) {
            small.add(new VcpuTask("small", i, 50, 1000, Long.MAX_VALUE));
            simulation.busy(small.get(i));
        }
        simulation.run(20 * SECOND);
        long smallSum = small.stream().mapToLong(t -> ran(scheduler, t, simulation)).sum();
        assertThat((double) smallSum / (40 * SECOND)).isCloseTo(0.25, within(0.02));
        for (VcpuTask task : small) {
            assertThat(ran(scheduler, task, simulation)).isCloseTo(smallSum / 8, within(50 * MILLI));
        }
    }

    @Test
    void oneThatSleptRunsSoonAndDoesNotHoard() {
        var scheduler = new FairShareScheduler(5 * MILLI);
        var simulation = new Simulation(scheduler, 1);
        var busy = VcpuTask.of("busy", 0);
        var sleepy = VcpuTask.of("sleepy", 0);
        simulation.busy(busy);
        simulation.sleepy(sleepy, MILLI, 20 * MILLI);
        simulation.run(10 * SECOND);
        var statistics = scheduler.statistics(sleepy, simulation.now());
        assertThat(statistics.ready() / statistics.slices()).as("waits less than a slice").isLessThan(5 * MILLI);
        simulation.busy(VcpuTask.of("late", 0));
        long before = ran(scheduler, busy, simulation);
        simulation.run(SECOND);
        assertThat(ran(scheduler, busy, simulation) - before).as("a newcomer gets no more than its half")
                .isGreaterThan(400 * MILLI);
    }

    @Test
    void aLimitHoldsForAllVcpusOfAMachineTogether() {
        var scheduler = new RoundRobinScheduler(10 * MILLI);
        var simulation = new Simulation(scheduler, 2);
        var one = new VcpuTask("limited", 0, 50, 1024, 300 * MILLI);
        var two = new VcpuTask("limited", 1, 50, 1024, 300 * MILLI);
        simulation.busy(one);
        simulation.busy(two);
        simulation.run(10 * SECOND);
        assertThat(ran(scheduler, one, simulation) + ran(scheduler, two, simulation)).isCloseTo(3 * SECOND,
                within(60 * MILLI));
    }

    @Test
    void runReadyAndWaitingAddUpToAllTime() {
        for (VcpuScheduler scheduler : List.of(new RoundRobinScheduler(MILLI), new PriorityScheduler(MILLI, MILLI),
                new FairShareScheduler(MILLI))) {
            var simulation = new Simulation(scheduler, 2);
            var tasks = new ArrayList<VcpuTask>();
            for (int i = 0; i < 6; i++) {
                tasks.add(VcpuTask.of("vm" + i, 0));
                if (i % 2 == 0) {
                    simulation.busy(tasks.get(i));
                } else {
                    simulation.sleepy(tasks.get(i), 300_000L * i, 700_000L * i);
                }
            }
            simulation.run(SECOND);
            for (VcpuTask task : tasks) {
                var s = scheduler.statistics(task, simulation.now());
                assertThat(s.running() + s.ready() + s.waiting()).isCloseTo(SECOND, within(2 * MILLI));
            }
        }
    }

    @Property(tries = 200)
    void nobodyStarvesAndNoProcessorIdlesWhileSomebodyIsReady(
            @ForAll @Size(min = 1, max = 12) List<@IntRange(min = 0, max = 99) Integer> priorities,
            @ForAll @IntRange(min = 1, max = 4) int workers, @ForAll @IntRange(min = 0, max = 2) int policy) {
        VcpuScheduler scheduler = switch (policy) {
            case 0 -> new RoundRobinScheduler(10 * MILLI);
            case 1 -> new PriorityScheduler(10 * MILLI, 10 * MILLI);
            default -> new FairShareScheduler(10 * MILLI);
        };
        var simulation = new Simulation(scheduler, workers);
        var tasks = new ArrayList<VcpuTask>();
        for (int i = 0; i < priorities.size(); i++) {
            var task = new VcpuTask("vm" + i, 0, priorities.get(i), 1 + priorities.get(i), Long.MAX_VALUE);
            tasks.add(task);
            simulation.busy(task);
        }
        simulation.run(60 * SECOND);
        long sum = 0;
        for (VcpuTask task : tasks) {
            long ran = ran(scheduler, task, simulation);
            assertThat(ran).isPositive();
            sum += ran;
        }
        assertThat(sum).isCloseTo(60 * SECOND * Math.min(workers, tasks.size()), within(workers * 10 * MILLI));
    }

    @Test
    void impossibleNumbersAreRefused() {
        assertThatThrownBy(() -> new RoundRobinScheduler(1)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("100 us to 1 s");
        assertThatThrownBy(() -> new VcpuTask("vm", 0, 100, 1, 1)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("priority must be 0 to 99 (is 100)");
        var scheduler = new FairShareScheduler(MILLI);
        scheduler.add(VcpuTask.of("vm", 0), 0);
        assertThatThrownBy(() -> scheduler.add(new VcpuTask("vm", 1, 50, 2048, Long.MAX_VALUE), 0))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("same shares (1024)");
    }
}
