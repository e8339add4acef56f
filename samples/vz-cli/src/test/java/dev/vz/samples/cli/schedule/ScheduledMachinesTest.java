package dev.vz.samples.cli.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.schedule.FairShareScheduler;
import dev.vz.schedule.PriorityScheduler;
import dev.vz.schedule.RoundRobinScheduler;
import dev.vz.schedule.VcpuScheduler;
import dev.vz.schedule.VcpuTask;
import dev.vz.schedule.VcpuTurns;
import dev.vz.testing.Peers;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.Predicate;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** More processors than host threads: machines with real guests in machine code, in turns. */
@Timeout(120)
class ScheduledMachinesTest {

    private static final long SLICE = 5_000_000;
    private static final Duration SPAN = Duration.ofMillis(1200);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long NO_LIMIT = Long.MAX_VALUE;
    /** {@code jmp .}. */
    private static final String BUSY = "eb fe";
    /** {@code cli; hlt; jmp .-1}. */
    private static final String IDLE = "fa f4 eb fd";

    private record Guest(String name, String code, int priority, int shares, long limit) {}

    /**
     * What was measured.
     *
     * @param elapsed    nanoseconds since the first machine was started
     * @param statistics one for each guest
     */
    private record Look(long elapsed, VcpuScheduler.Statistics[] statistics) {
        VcpuScheduler.Statistics of(int guest) {
            return statistics[guest];
        }

        double ratio() {
            return (double) of(0).running() / of(1).running();
        }

        double part() {
            return (double) of(0).running() / elapsed;
        }
    }

    /**
     * Runs them for a while, and on until {@code enough} holds: a busy host holds up a thread for many slices now and then,
     * which evens out as time goes on. Returns the last look, for which it held unless patience came to its end.
     */
    private static Look run(String backend, VcpuScheduler policy, Predicate<Look> enough, Guest... guests)
            throws InterruptedException {
        Hypervisor hypervisor = Hypervisors.named(backend);
        String missing = Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER);
        Peers.require(missing.isEmpty(), backend + ": " + missing);
        Look look;
        var machines = new RunningMachine[guests.length];
        try (var turns = new VcpuTurns(policy, 1)) {
            try {
                long begun = System.nanoTime();
                for (int i = 0; i < guests.length; i++) {
                    Guest guest = guests[i];
                    var boot = new CodeBoot(
                            BootFile.of(guest.name, HexFormat.ofDelimiter(" ").parseHex(guest.code)), 0x1000,
                            CodeBoot.Mode.REAL);
                    BuiltMachine built = Machine.build(hypervisor, MachineDescription.of(guest.name, boot)
                            .withMemory(16L << 20));
                    built.schedule(turns, guest.priority, guest.shares, guest.limit);
                    machines[i] = built.start();
                }
                do {
                    assertThat(machines[0].await(SPAN)).as("a guest that spins does not end").isEmpty();
                    var statistics = new VcpuScheduler.Statistics[guests.length];
                    for (int i = 0; i < guests.length; i++) {
                        Guest guest = guests[i];
                        statistics[i] = turns
                                .statistics(new VcpuTask(guest.name, 0, guest.priority, guest.shares, guest.limit));
                    }
                    look = new Look(System.nanoTime() - begun, statistics);
                } while (look.elapsed < PATIENCE.toNanos() && !enough.test(look));
            } finally {
                for (RunningMachine machine : machines) {
                    if (machine != null) {
                        machine.close();
                    }
                }
            }
        }
        return look;
    }

    @ParameterizedTest
    @ValueSource(strings = {"emulator", "kvm"})
    void roundRobinSharesOneThreadEqually(String backend) throws Exception {
        Look s = run(backend, new RoundRobinScheduler(SLICE),
                look -> look.ratio() > 0.5 && look.ratio() < 2 && look.of(0).slices() > 10
                        && look.of(0).ready() > look.elapsed / 5,
                new Guest("first", BUSY, 50, 1024, NO_LIMIT), new Guest("second", BUSY, 50, 1024, NO_LIMIT));
        assertThat(s.ratio()).isBetween(0.5, 2.0);
        assertThat(s.of(0).slices()).isGreaterThan(10);
        assertThat(s.of(0).ready()).as("waited while the other one ran").isGreaterThan(s.elapsed / 5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"emulator", "kvm"})
    void fairShareGivesThreeTimesTheTimeForThreeTimesTheShares(String backend) throws Exception {
        Look s = run(backend, new FairShareScheduler(SLICE), look -> look.ratio() > 2 && look.ratio() < 4.5,
                new Guest("large", BUSY, 50, 3000, NO_LIMIT), new Guest("small", BUSY, 50, 1000, NO_LIMIT));
        assertThat(s.ratio()).isBetween(2.0, 4.5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"emulator", "kvm"})
    void theHigherPriorityRunsAndAgingKeepsTheOtherAlive(String backend) throws Exception {
        Look s = run(backend, new PriorityScheduler(SLICE, 4_000_000),
                look -> look.ratio() > 3 && look.of(1).slices() > 0, new Guest("high", BUSY, 60, 1024, NO_LIMIT),
                new Guest("low", BUSY, 40, 1024, NO_LIMIT));
        assertThat(s.ratio()).isGreaterThan(3);
        assertThat(s.of(1).slices()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"emulator", "kvm"})
    void aMachineWithALimitGetsNoMoreEvenAlone(String backend) throws Exception {
        Look s = run(backend, new RoundRobinScheduler(SLICE), look -> look.part() > 0.05 && look.part() < 0.45,
                new Guest("limited", BUSY, 50, 1024, 200_000_000));
        assertThat(s.part()).isBetween(0.05, 0.45);
    }

    @ParameterizedTest
    @ValueSource(strings = {"emulator", "kvm"})
    void aHaltedProcessorLeavesTheThreadToTheOthers(String backend) throws Exception {
        Look s = run(backend, new RoundRobinScheduler(SLICE),
                look -> look.part() > 0.6 && look.ratio() > 1 && look.of(1).waiting() > SPAN.toNanos() / 10,
                new Guest("busy", BUSY, 50, 1024, NO_LIMIT), new Guest("idle", IDLE, 50, 1024, NO_LIMIT));
        assertThat(s.part()).isGreaterThan(0.6);
        assertThat(s.ratio()).isGreaterThan(1);
        assertThat(s.of(1).waiting()).isGreaterThan(SPAN.toNanos() / 10);
    }
}
