package dev.vz.link;

/**
 * What a port accepts in the frames given to it, beyond finished frames of its MTU.
 *
 * @param checksum frames whose checksum is still to be filled in ({@link VnetHeader#NEEDS_CSUM})
 * @param tso4     large TCP over IPv4 frames
 * @param tso6     large TCP over IPv6 frames
 * @param ecn      large TCP frames with ECN
 * @param uso      large UDP frames, to be sent as datagrams
 * @param mtu      bytes after the Ethernet header in a frame that is not large
 */
public record LinkFeatures(boolean checksum, boolean tso4, boolean tso6, boolean ecn, boolean uso, int mtu) {

    /** Finished frames only, MTU 1500. */
    public static LinkFeatures none() {
        return new LinkFeatures(false, false, false, false, false, 1500);
    }

    /** Everything, MTU 1500. */
    public static LinkFeatures all() {
        return new LinkFeatures(true, true, true, true, true, 1500);
    }

    /** The same with another MTU. */
    public LinkFeatures withMtu(int mtu) {
        return new LinkFeatures(checksum, tso4, tso6, ecn, uso, mtu);
    }

    /** What both accept. */
    public LinkFeatures and(LinkFeatures other) {
        return new LinkFeatures(checksum && other.checksum, tso4 && other.tso4, tso6 && other.tso6, ecn && other.ecn,
                uso && other.uso, Math.min(mtu, other.mtu));
    }
}
