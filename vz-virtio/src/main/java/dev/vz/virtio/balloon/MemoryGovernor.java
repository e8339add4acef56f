package dev.vz.virtio.balloon;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.MemoryBudget;
import java.util.ArrayList;
import java.util.List;

/**
 * Moves the balloons of several machines so that each has what its policy wants, within its limits, and all together what
 * their budget allows.
 *
 * <p>
 * Driven by {@link #step}: once a second or so by a timer, by hand in tests. A machine may grow only into memory that
 * another has really given up: what counts is what guests have, not what they were asked for. Where there is not enough,
 * each keeps its minimum and the rest is shared in proportion to what they want beyond it. Thread-safe.
 */
public final class MemoryGovernor implements AutoCloseable {

    private final MemoryBudget budget;
    private final List<Member> members = new ArrayList<>();

    /** A governor of machines that share {@code budget}. */
    public MemoryGovernor(MemoryBudget budget) {
        this.budget = budget;
    }

    /** A machine that is governed. Closing ends that, and gives its part of the budget back. */
    public final class Member implements AutoCloseable {
        private final BalloonDevice balloon;
        private final long least;
        private final long most;
        private final MemoryBudget.Reservation reservation;
        private MemoryPolicy policy;
        private long wish;
        private long grant;

        private Member(BalloonDevice balloon, MemoryPolicy policy, long least, long most,
                MemoryBudget.Reservation reservation) {
            this.balloon = balloon;
            this.policy = policy;
            this.least = least;
            this.most = most;
            this.reservation = reservation;
        }

        /** Follows {@code changed} from the next step on. */
        public void policy(MemoryPolicy changed) {
            synchronized (members) {
                policy = changed;
            }
        }

        /** Bytes that the guest has now. */
        public long held() {
            return balloon.totalBytes() - balloon.ballooned();
        }

        /** Bytes that it was last told it may have. */
        public long granted() {
            synchronized (members) {
                return grant;
            }
        }

        @Override
        public void close() {
            synchronized (members) {
                members.remove(this);
                reservation.close();
            }
        }
    }

    /**
     * Governs a machine from now on. Its whole memory must fit into the budget: before its driver works, nothing can be
     * taken from it.
     *
     * @param name  of the machine, for errors
     * @param least bytes that it always keeps
     * @param most  bytes that it gets at the most
     * @throws dev.vz.error.CapabilityException if the budget does not have that much left
     */
    public Member add(String name, BalloonDevice balloon, MemoryPolicy policy, long least, long most) {
        if (least < 0 || least > most || most > balloon.totalBytes()) {
            throw new ConfigurationException("Machine \"" + name + "\" of " + balloon.totalBytes()
                    + " bytes cannot have limits of " + least + " and " + most);
        }
        synchronized (members) {
            var member = new Member(balloon, policy, least, most, budget.reserve(name, balloon.totalBytes()));
            member.grant = balloon.totalBytes();
            members.add(member);
            return member;
        }
    }

    /** Asks policies, shares the budget, moves balloons, and asks the guests for new statistics. Does not wait. */
    public void step() {
        synchronized (members) {
            giveBack();
            long others = budget.reserved();
            long floor = 0;
            long beyond = 0;
            for (Member member : members) {
                var view = new MemoryView(member.balloon.totalBytes(), member.held(), member.balloon.statistics());
                // A machine whose driver does not work has all of its memory, whatever anybody wants.
                member.wish = member.balloon.isActive()
                        ? Math.clamp(member.policy.wanted(view), member.least, member.most)
                        : member.balloon.totalBytes();
                long least = member.balloon.isActive() ? member.least : member.wish;
                others -= member.reservation.bytes();
                floor += least;
                beyond += member.wish - least;
            }
            long spare = Math.max(0, budget.limit() - others - floor);
            for (Member member : members) {
                if (member.balloon.isActive()) {
                    long extra = member.wish - member.least;
                    long share = beyond <= spare ? extra : (long) ((double) extra / beyond * spare);
                    grant(member, member.least + share);
                    member.balloon.requestStatistics();
                }
            }
        }
    }

    /** What guests have given up since the last step is free for others. */
    private void giveBack() {
        for (Member member : members) {
            long held = Math.max(member.held(), member.grant);
            if (held < member.reservation.bytes()) {
                member.reservation.resize(held);
            } else if (member.held() > member.reservation.bytes()) {
                // Taken back without being asked, on a guest's shortage: it has them already, as far as there are any.
                member.reservation.tryResize(Math.min(member.held(), member.reservation.bytes() + budget.available()));
            }
        }
    }

    private void grant(Member member, long bytes) {
        long now = member.reservation.bytes();
        // Larger only as far as the budget has it now; the rest comes when others have shrunk.
        long granted = bytes <= now ? bytes : now + Math.min(bytes - now, Math.max(0, budget.available()));
        if (granted > now && !member.reservation.tryResize(granted)) {
            granted = now;
        }
        member.grant = granted;
        member.balloon.target(member.balloon.totalBytes() - granted);
    }

    /** Ends it for all machines; their balloons stay as they are. Idempotent. */
    @Override
    public void close() {
        synchronized (members) {
            List.copyOf(members).forEach(Member::close);
        }
    }
}
