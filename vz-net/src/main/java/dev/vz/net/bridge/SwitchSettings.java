package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;
import dev.vz.net.MacAddress;
import java.time.Duration;

/**
 * What a switch as a whole does. Immutable; {@link #standard()} is a start for the methods below.
 *
 * @param ageing           how long a station is remembered that is not heard of: IEEE 802.1D says 300 seconds
 * @param mostStations     how many stations it remembers in all
 * @param address          its own address, from which BPDUs come, and the lower part of its bridge identifier
 * @param spanningTree     whether it takes part in the spanning tree protocol
 * @param priority         the upper part of its bridge identifier; the lowest becomes root
 * @param forwardDelay     how long a port listens, and then learns, before it forwards
 * @param helloTime        how often a root bridge speaks
 * @param maxAge           how long what it said holds
 * @param snoopsMulticast  whether it listens to IGMP and MLD and sends multicasts only where somebody wants them
 */
public record SwitchSettings(Duration ageing, int mostStations, MacAddress address, boolean spanningTree, int priority,
        Duration forwardDelay, Duration helloTime, Duration maxAge, boolean snoopsMulticast) {

    /** Checks the numbers, for the spanning tree those of IEEE 802.1D, 8.10.2. */
    public SwitchSettings {
        if (ageing.isNegative() || mostStations < 1 || mostStations > 1 << 22 || priority < 0 || priority > 65535
                || address.isMulticast()) {
            throw new ConfigurationException("A switch has an ageing time from 0 on, 1 to 4194304 stations, a priority "
                    + "from 0 to 65535 and an address of its own: " + ageing + ", " + mostStations + ", " + priority
                    + ", " + address);
        }
        if (2 * (forwardDelay.toMillis() - 1000) < maxAge.toMillis()
                || maxAge.toMillis() < 2 * (helloTime.toMillis() + 1000)) {
            throw new ConfigurationException("The times of a spanning tree must fit each other (IEEE 802.1D, 8.10.2): "
                    + "2 * (forward delay - 1 s) >= maximum age >= 2 * (hello time + 1 s), but they are " + forwardDelay
                    + ", " + maxAge + ", " + helloTime);
        }
    }

    /** The times of IEEE 802.1D, no spanning tree, no snooping, 65536 stations. */
    public static SwitchSettings standard() {
        return new SwitchSettings(Duration.ofSeconds(300), 65536, new MacAddress(0x0256_5A00_0001L), false, 32768,
                Duration.ofSeconds(15), Duration.ofSeconds(2), Duration.ofSeconds(20), false);
    }

    /** The same with another ageing time. */
    public SwitchSettings withAgeing(Duration other) {
        return new SwitchSettings(other, mostStations, address, spanningTree, priority, forwardDelay, helloTime, maxAge,
                snoopsMulticast);
    }

    /** The same with room for another number of stations. */
    public SwitchSettings withMostStations(int other) {
        return new SwitchSettings(ageing, other, address, spanningTree, priority, forwardDelay, helloTime, maxAge,
                snoopsMulticast);
    }

    /** The same as part of a spanning tree, with this identifier. */
    public SwitchSettings withSpanningTree(MacAddress own, int bridgePriority) {
        return new SwitchSettings(ageing, mostStations, own, true, bridgePriority, forwardDelay, helloTime, maxAge,
                snoopsMulticast);
    }

    /** The same with other times of the spanning tree. */
    public SwitchSettings withTimes(Duration delay, Duration hello, Duration age) {
        return new SwitchSettings(ageing, mostStations, address, spanningTree, priority, delay, hello, age,
                snoopsMulticast);
    }

    /** The same, with or without snooping. */
    public SwitchSettings withMulticastSnooping(boolean other) {
        return new SwitchSettings(ageing, mostStations, address, spanningTree, priority, forwardDelay, helloTime,
                maxAge,
                other);
    }
}
