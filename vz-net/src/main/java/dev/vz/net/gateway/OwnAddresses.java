package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.network.RoutingChanges;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import org.jspecify.annotations.Nullable;

/**
 * Which addresses are the host's own. The kernel is asked, as it alone knows its routing: it takes what it would deliver to
 * itself as the source, too. That others are not is remembered until the kernel tells of a change.
 */
final class OwnAddresses implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());
    private static final int REMEMBERED = 256;
    private static final int DISCARD_PORT = 9;

    private final EpollLoop loop;
    private final SocketName name = new SocketName();
    private final @Nullable InternetSocket[] probes = new InternetSocket[2];
    private final boolean[] missing = new boolean[2];
    private final long[] highs = new long[REMEMBERED];
    private final long[] lows = new long[REMEMBERED];
    private final int[] generations = new int[REMEMBERED];
    private int generation = 1;
    private boolean watched;
    private @Nullable RoutingChanges changes;
    private EpollLoop.@Nullable Registration registration;

    OwnAddresses(EpollLoop loop) {
        this.loop = loop;
    }

    /** Whether an address is one of the host's. */
    boolean contains(long high, long low) {
        long mixed = (high ^ Long.rotateLeft(low, 32)) * 0x9E37_79B9_7F4A_7C15L;
        int slot = (int) (mixed >>> 56);
        if (generations[slot] == generation && lows[slot] == low && highs[slot] == high) {
            return false;
        }
        InternetSocket probe;
        try {
            watch(); // before asking, so that no change is missed
            probe = probe(!Address.isIpv4(high, low));
        } catch (HostException full) {
            return true; // without knowing, the answer is the safe one
        }
        // A datagram socket that connects sends nothing.
        if (probe == null || probe.connect(name.set(high, low, DISCARD_PORT, 0)) < 0) {
            return false; // not reachable: the flow's own socket will say how
        }
        boolean known = probe.localName(name) == 0;
        boolean own = known && name.low() == low && name.high() == high;
        probe.disconnect(); // or the next destination would be asked with this source
        if (known && !own && changes != null) {
            generations[slot] = generation;
            highs[slot] = high;
            lows[slot] = low;
        }
        return own;
    }

    /** Opened on the gateway's thread, as flows' sockets are: it is the thread that has a network namespace. */
    private void watch() {
        if (watched) {
            return;
        }
        watched = true;
        try {
            RoutingChanges opened = RoutingChanges.watch();
            changes = opened;
            registration = loop.register(opened.descriptor(), Readiness.IN, (which, readiness) -> {
                if (opened.take()) {
                    generation++;
                }
            });
        } catch (HostException failure) {
            LOGGER.log(System.Logger.Level.INFO,
                    "The kernel does not tell of changes to its routing, so it is asked for"
                            + " each flow whether it leads to this host: {0}",
                    failure.getMessage());
        }
    }

    private @Nullable InternetSocket probe(boolean version6) {
        int family = version6 ? 1 : 0;
        if (probes[family] == null && !missing[family]) {
            try {
                probes[family] = InternetSocket.open(InternetSocket.Protocol.UDP, version6);
            } catch (HostException failure) {
                boolean absent = failure.errno() == Errno.EAFNOSUPPORT;
                if (!absent) {
                    throw failure;
                }
                missing[family] = true;
                LOGGER.log(System.Logger.Level.INFO, "This host has no IPv6: {0}", failure.getMessage());
            }
        }
        return probes[family];
    }

    @Override
    public void close() {
        if (registration != null) {
            registration.cancel();
        }
        if (changes != null) {
            changes.close();
        }
        for (InternetSocket probe : probes) {
            if (probe != null) {
                probe.close();
            }
        }
    }
}
