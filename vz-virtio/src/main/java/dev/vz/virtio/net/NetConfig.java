package dev.vz.virtio.net;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The device's configuration (virtio 1.3, 5.1.4).
 *
 * @param mac               six bytes
 * @param status            {@link #LINK_UP} and {@link #ANNOUNCE}
 * @param maxVirtqueuePairs pairs of receive and transmit queues
 * @param mtu               bytes after the Ethernet header
 */
record NetConfig(byte[] mac, int status, int maxVirtqueuePairs, int mtu) {

    static final int MAC = 0;
    static final int STATUS = 6;
    static final int BYTES = 12;

    static final int LINK_UP = 1;
    static final int ANNOUNCE = 2;

    byte[] encode() {
        ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        b.put(MAC, mac).putShort(STATUS, (short) status).putShort(8, (short) maxVirtqueuePairs)
                .putShort(10, (short) mtu);
        return b.array();
    }
}
