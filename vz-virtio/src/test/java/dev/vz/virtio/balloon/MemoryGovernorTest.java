package dev.vz.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Several machines and one budget, step by step, without waiting. */
class MemoryGovernorTest {

    private static final long MIB = 1 << 20;
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    /** A guest of {@code mib} whose driver works; it does what it is asked to when {@link #obey} is called. */
    private final class Guest {
        final BalloonDevice balloon;

        Guest(int mib) {
            GuestMemory memory = GuestMemory.ofSize(mib * MIB);
            open.add(memory);
            balloon = new BalloonDevice(memory);
            balloon.negotiated(1L << 32);
        }

        void obey() {
            balloon.config().write(BalloonDevice.ACTUAL, 4, balloon.target() / BalloonDevice.PAGE);
        }

        long held() {
            return balloon.totalBytes() - balloon.ballooned();
        }
    }

    @Test
    void aFixedPolicyTakesTheRestAway() {
        var governor = new MemoryGovernor(new MemoryBudget("host", 64 * MIB));
        var guest = new Guest(32);
        governor.add("a", guest.balloon, new MemoryPolicy.Fixed(20 * MIB), 8 * MIB, 32 * MIB);
        governor.step();
        assertThat(guest.balloon.target()).isEqualTo(12 * MIB);
    }

    @Test
    void limitsHoldWhateverThePolicyWants() {
        var governor = new MemoryGovernor(new MemoryBudget("host", 64 * MIB));
        var guest = new Guest(32);
        MemoryGovernor.Member member = governor.add("a", guest.balloon, new MemoryPolicy.Fixed(MIB), 8 * MIB,
                24 * MIB);
        governor.step();
        assertThat(member.granted()).isEqualTo(8 * MIB);
        member.policy(new MemoryPolicy.Fixed(1000 * MIB));
        governor.step();
        assertThat(member.granted()).isEqualTo(24 * MIB);
    }

    @Test
    void aMachineGrowsOnlyIntoWhatAnotherHasReallyGivenUp() {
        var budget = new MemoryBudget("host", 64 * MIB);
        var governor = new MemoryGovernor(budget);
        var first = new Guest(32);
        var second = new Guest(32);
        MemoryGovernor.Member a = governor.add("a", first.balloon, new MemoryPolicy.Fixed(8 * MIB), MIB, 32 * MIB);
        MemoryGovernor.Member b = governor.add("b", second.balloon, new MemoryPolicy.Fixed(32 * MIB), MIB, 32 * MIB);
        assertThat(budget.available()).isZero();
        governor.step();
        assertThat(first.balloon.target()).isEqualTo(24 * MIB);
        assertThat(budget.available()).as("asked for is not given").isZero();
        first.obey();
        governor.step();
        assertThat(budget.available()).isEqualTo(24 * MIB);
        a.policy(new MemoryPolicy.Fixed(32 * MIB));
        b.policy(new MemoryPolicy.Fixed(32 * MIB));
        governor.step();
        assertThat(a.granted()).isEqualTo(32 * MIB);
        assertThat(budget.available()).isZero();
    }

    @Test
    void whatIsMissingIsSharedInProportion() {
        var budget = new MemoryBudget("host", 96 * MIB);
        var governor = new MemoryGovernor(budget);
        var first = new Guest(32);
        var second = new Guest(32);
        var elsewhere = budget.reserve("somebody else", 32 * MIB);
        MemoryGovernor.Member a = governor.add("a", first.balloon, new MemoryPolicy.Fixed(32 * MIB), 8 * MIB,
                32 * MIB);
        MemoryGovernor.Member b = governor.add("b", second.balloon, new MemoryPolicy.Fixed(8 * MIB), 8 * MIB,
                32 * MIB);
        governor.step();
        second.obey();
        governor.step();
        elsewhere.resize(48 * MIB);
        b.policy(new MemoryPolicy.Fixed(32 * MIB));
        governor.step();
        governor.step();
        // 48 MiB are left for two: 8 each, and 16 of the 32 for each of two that want 24 more.
        assertThat(a.granted()).isEqualTo(24 * MIB);
        first.obey();
        governor.step();
        governor.step();
        assertThat(b.granted()).isEqualTo(24 * MIB);
    }

    @Test
    void aDynamicPolicyFollowsTheGuestsStatistics() {
        var policy = new MemoryPolicy.Dynamic(25, 2 * MIB);
        var view = new MemoryView(100 * MIB, 80 * MIB, GuestStatistics.NONE);
        assertThat(policy.wanted(view)).as("nothing is known").isEqualTo(80 * MIB);
        assertThat(policy.wanted(known(80, 40))).isEqualTo(50 * MIB);
        assertThat(policy.wanted(known(80, 2))).isEqualTo(97 * MIB + MIB / 2);
        assertThat(policy.wanted(known(80, 16))).as("within the slack").isEqualTo(80 * MIB);
        assertThat(policy.wanted(known(80, 100_000))).as("a guest that lies").isZero();
        assertThat(policy.wanted(known(80, -1))).isEqualTo(100 * MIB);
        assertThatThrownBy(() -> new MemoryPolicy.Dynamic(-1, 0)).isInstanceOf(ConfigurationException.class);
    }

    private static MemoryView known(int held, int available) {
        var report = new GuestStatistics.Builder();
        report.put(GuestStatistics.Tag.AVAIL.number, available * MIB);
        return new MemoryView(100 * MIB, held * MIB, report.build(1));
    }

    @Test
    void aMachineWhoseMemoryDoesNotFitIsNotTaken() {
        var governor = new MemoryGovernor(new MemoryBudget("host", 16 * MIB));
        var guest = new Guest(32);
        assertThatThrownBy(() -> governor.add("big", guest.balloon, new MemoryPolicy.Fixed(8 * MIB), 0, 8 * MIB))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("big");
        assertThatThrownBy(() -> governor.add("odd", guest.balloon, new MemoryPolicy.Fixed(MIB), 9 * MIB, 8 * MIB))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("odd");
    }

    @Test
    void aClosedMachineGivesItsPartBack() {
        var budget = new MemoryBudget("host", 64 * MIB);
        var governor = new MemoryGovernor(budget);
        governor.add("a", new Guest(32).balloon, new MemoryPolicy.Fixed(8 * MIB), 0, 32 * MIB).close();
        assertThat(budget.available()).isEqualTo(64 * MIB);
        governor.close();
    }

    @Property(tries = 200)
    void theBudgetIsNeverPassedAndLimitsAreNeverBroken(@ForAll long seed) throws Exception {
        var random = new Random(seed);
        var budget = new MemoryBudget("host", 24 * MIB);
        try (var governor = new MemoryGovernor(budget)) {
            var guests = new ArrayList<Guest>();
            var members = new ArrayList<MemoryGovernor.Member>();
            for (int i = 0; i < 3; i++) {
                var guest = new Guest(8);
                guests.add(guest);
                members.add(governor.add("vm" + i, guest.balloon, new MemoryPolicy.Fixed(4 * MIB), MIB, 8 * MIB));
            }
            for (int step = 0; step < 60; step++) {
                int who = random.nextInt(3);
                members.get(who).policy(new MemoryPolicy.Fixed((1 + random.nextInt(12)) * MIB));
                if (random.nextBoolean()) {
                    guests.get(random.nextInt(3)).obey();
                }
                governor.step();
                assertThat(budget.reserved()).isLessThanOrEqualTo(budget.limit());
                long held = 0;
                for (int i = 0; i < 3; i++) {
                    held += guests.get(i).held();
                    assertThat(members.get(i).granted()).isBetween(MIB, 8 * MIB);
                }
                assertThat(held).isLessThanOrEqualTo(budget.limit());
            }
        } finally {
            close();
            open.clear();
        }
    }
}
