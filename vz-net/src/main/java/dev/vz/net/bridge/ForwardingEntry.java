package dev.vz.net.bridge;

import dev.vz.net.MacAddress;

/**
 * Where a station is.
 *
 * @param vlan     its VLAN
 * @param address  its address
 * @param port     the number of the port behind which it is
 * @param isStatic whether it was configured instead of learned
 * @param ageNanos nanoseconds since it was last heard; 0 if static
 */
public record ForwardingEntry(int vlan, MacAddress address, int port, boolean isStatic, long ageNanos) {

    static ForwardingEntry of(long key, int port, boolean isStatic, long age) {
        return new ForwardingEntry((int) (key >>> 48), new MacAddress(key & MacAddress.MASK), port, isStatic, age);
    }
}
