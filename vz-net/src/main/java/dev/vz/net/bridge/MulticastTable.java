package dev.vz.net.bridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Behind which ports somebody wants a multicast group, per VLAN, and behind which there are multicast routers; both expire.
 * Groups are told apart by their Ethernet address, as the frames are. Bounded in all and per port. Not thread-safe.
 */
final class MulticastTable {

    static final int MOST_GROUPS = 4096;
    static final int MOST_GROUPS_OF_A_PORT = 512;

    private static final long NEVER = Long.MIN_VALUE;

    private final LongTable index = new LongTable(64);
    private final List<Group> groups = new ArrayList<>();
    private final int[] groupsOf = new int[VirtualSwitch.MOST_PORTS];
    private final long[] routerUntil = new long[VirtualSwitch.MOST_PORTS];
    private long querierUntil = NEVER;

    MulticastTable() {
        Arrays.fill(routerUntil, NEVER);
    }

    private static final class Group {
        final long key;
        /** Until when each port wants it. */
        long[] until = new long[8];
        int members;

        Group(long key) {
            this.key = key;
            Arrays.fill(until, NEVER);
        }
    }

    /** Notes that {@code port} wants {@code group} until {@code until}. */
    void join(int vlan, long group, int port, long until) {
        long key = ForwardingTable.key(vlan, group);
        int place = index.find(key);
        if (place < 0) {
            if (groups.size() >= MOST_GROUPS || groupsOf[port] >= MOST_GROUPS_OF_A_PORT) {
                return;
            }
            place = groups.size();
            groups.add(new Group(key));
            index.add(key, place);
        }
        Group found = groups.get(place);
        if (port >= found.until.length) {
            int before = found.until.length;
            found.until = Arrays.copyOf(found.until, Math.max(port + 1, before * 2));
            Arrays.fill(found.until, before, found.until.length, NEVER);
        }
        if (found.until[port] == NEVER) {
            if (groupsOf[port] >= MOST_GROUPS_OF_A_PORT) {
                return;
            }
            found.members++;
            groupsOf[port]++;
        }
        found.until[port] = until;
    }

    /** Notes that somebody behind {@code port} left, so that it wants {@code group} no longer than {@code until}. */
    void leave(int vlan, long group, int port, long until) {
        int place = index.find(ForwardingTable.key(vlan, group));
        if (place >= 0) {
            Group found = groups.get(place);
            if (port < found.until.length && found.until[port] != NEVER) {
                found.until[port] = Math.min(found.until[port], until);
            }
        }
    }

    /** Notes a multicast router, which asks who wants what, behind {@code port}. */
    void router(int port, long until) {
        routerUntil[port] = until;
        querierUntil = querierUntil == NEVER ? until : Math.max(querierUntil, until);
    }

    /** Whether somebody asks, so that silence means that nobody wants a group. */
    boolean hasQuerier(long now) {
        return querierUntil != NEVER && querierUntil - now > 0;
    }

    boolean isRouter(int port, long now) {
        return routerUntil[port] != NEVER && routerUntil[port] - now > 0;
    }

    /** The place of the group, or -1; valid until the next change. */
    int find(int vlan, long group) {
        return index.find(ForwardingTable.key(vlan, group));
    }

    boolean isMember(int place, int port, long now) {
        long[] until = groups.get(place).until;
        return port < until.length && until[port] != NEVER && until[port] - now > 0;
    }

    int groups() {
        return groups.size();
    }

    /** Forgets what has expired. */
    void expire(long now) {
        for (int i = groups.size() - 1; i >= 0; i--) {
            Group group = groups.get(i);
            for (int port = 0; port < group.until.length; port++) {
                if (group.until[port] != NEVER && group.until[port] - now <= 0) {
                    forget(group, port);
                }
            }
            removeIfEmpty(i);
        }
    }

    /** Forgets everything about {@code port}. */
    void forgetPort(int port) {
        routerUntil[port] = NEVER;
        for (int i = groups.size() - 1; i >= 0; i--) {
            Group group = groups.get(i);
            if (port < group.until.length && group.until[port] != NEVER) {
                forget(group, port);
                removeIfEmpty(i);
            }
        }
    }

    private void forget(Group group, int port) {
        group.until[port] = NEVER;
        group.members--;
        groupsOf[port]--;
    }

    private void removeIfEmpty(int place) {
        Group group = groups.get(place);
        if (group.members == 0) {
            index.remove(group.key);
            Group last = groups.removeLast();
            if (last != group) {
                groups.set(place, last);
                index.move(last.key, place);
            }
        }
    }
}
