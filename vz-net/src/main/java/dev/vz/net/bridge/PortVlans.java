package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;
import dev.vz.net.packet.VlanTag;
import java.util.Arrays;

/**
 * The VLANs of a port: one without tags, any number with (IEEE 802.1Q, 6.9 and 8.8.10). Immutable.
 */
public final class PortVlans {

    /** The VLAN of ports of which nothing else is said. */
    public static final int DEFAULT = 1;

    private final int untagged;
    private final long[] tagged;
    private final boolean access;

    private PortVlans(int untagged, long[] tagged) {
        this.untagged = untagged;
        this.tagged = tagged;
        access = Arrays.stream(tagged).allMatch(word -> word == 0);
    }

    /** An access port: in {@code vlan}, and no tags in either direction. */
    public static PortVlans access(int vlan) {
        return new PortVlans(check(vlan), new long[64]);
    }

    /**
     * A trunk: the frames of each of {@code vlans} carry its tag.
     *
     * @param untagged the VLAN of frames without a tag, both ways; 0 if such frames are not wanted
     */
    public static PortVlans trunk(int untagged, int... vlans) {
        long[] bits = new long[64];
        for (int vlan : vlans) {
            bits[check(vlan) >>> 6] |= 1L << vlan;
        }
        if (untagged != 0) {
            bits[check(untagged) >>> 6] &= ~(1L << untagged);
        }
        return new PortVlans(untagged, bits);
    }

    /** A trunk of all VLANs, of which {@code untagged} is without a tag; 0 for none. */
    public static PortVlans trunkOfAll(int untagged) {
        int[] all = new int[VlanTag.MAXIMUM];
        for (int i = 0; i < all.length; i++) {
            all[i] = i + 1;
        }
        return trunk(untagged, all);
    }

    private static int check(int vlan) {
        if (vlan < 1 || vlan > VlanTag.MAXIMUM) {
            throw new ConfigurationException("A VLAN has a number from 1 to " + VlanTag.MAXIMUM + ", not " + vlan);
        }
        return vlan;
    }

    /** The VLAN of frames without a tag, 0 if there is none. */
    public int untagged() {
        return untagged;
    }

    /** The VLAN of a frame whose tag says {@code identifier}, 0 if it has none; -1 if it must not come in here. */
    int classify(int identifier) {
        if (identifier == 0) {
            return untagged == 0 ? -1 : untagged;
        }
        // A frame with the tag of the untagged VLAN is in it all the same on a trunk; an access port takes no tags.
        return carriesTagged(identifier) || identifier == untagged && !access ? identifier : -1;
    }

    /** Whether frames of {@code vlan} leave here, with a tag or without. */
    public boolean carries(int vlan) {
        return vlan == untagged || carriesTagged(vlan);
    }

    /** Whether frames of {@code vlan} leave here with its tag. */
    public boolean carriesTagged(int vlan) {
        return (tagged[vlan >>> 6] & 1L << vlan) != 0;
    }

    @Override
    public String toString() {
        var text = new StringBuilder("untagged ").append(untagged == 0 ? "none" : Integer.toString(untagged));
        String separator = ", tagged ";
        for (int first = 1; first <= VlanTag.MAXIMUM; first++) {
            if (carriesTagged(first)) {
                int last = first;
                while (last < VlanTag.MAXIMUM && carriesTagged(last + 1)) {
                    last++;
                }
                text.append(separator).append(first);
                if (last > first) {
                    text.append('-').append(last);
                }
                separator = ",";
                first = last;
            }
        }
        return text.toString();
    }
}
