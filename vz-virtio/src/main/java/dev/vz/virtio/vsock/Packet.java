package dev.vz.virtio.vsock;

import dev.vz.virtio.queue.ChainReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** {@code struct virtio_vsock_hdr} (virtio 1.3, 5.10.6), read once from the guest. Reused. */
final class Packet {

    static final int HEADER = 44;
    static final int TYPE_STREAM = 1;

    static final int OP_REQUEST = 1;
    static final int OP_RESPONSE = 2;
    static final int OP_RST = 3;
    static final int OP_SHUTDOWN = 4;
    static final int OP_RW = 5;
    static final int OP_CREDIT_UPDATE = 6;
    static final int OP_CREDIT_REQUEST = 7;

    /** The sender will not receive any more. */
    static final int SHUTDOWN_RECEIVE = 1;
    /** The sender will not send any more. */
    static final int SHUTDOWN_SEND = 2;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment bytes = MemorySegment.ofArray(new byte[HEADER]);

    boolean read(ChainReader reader) {
        return reader.read(bytes, 0, HEADER);
    }

    long srcCid() {
        return bytes.get(LONG, 0);
    }

    long dstCid() {
        return bytes.get(LONG, 8);
    }

    int srcPort() {
        return bytes.get(INT, 16);
    }

    int dstPort() {
        return bytes.get(INT, 20);
    }

    /** Bytes of payload, unsigned. */
    long len() {
        return bytes.get(INT, 24) & 0xFFFF_FFFFL;
    }

    int type() {
        return bytes.get(SHORT, 28) & 0xFFFF;
    }

    int op() {
        return bytes.get(SHORT, 30) & 0xFFFF;
    }

    int flags() {
        return bytes.get(INT, 32);
    }

    int bufAlloc() {
        return bytes.get(INT, 36);
    }

    int fwdCnt() {
        return bytes.get(INT, 40);
    }

    /** Makes it one to the guest. */
    MemorySegment fill(long guestCid, int hostPort, int guestPort, int len, int op, int flags, int bufAlloc,
            int fwdCnt) {
        bytes.set(LONG, 0, VsockDevice.HOST_CID);
        bytes.set(LONG, 8, guestCid);
        bytes.set(INT, 16, hostPort);
        bytes.set(INT, 20, guestPort);
        bytes.set(INT, 24, len);
        bytes.set(SHORT, 28, (short) TYPE_STREAM);
        bytes.set(SHORT, 30, (short) op);
        bytes.set(INT, 32, flags);
        bytes.set(INT, 36, bufAlloc);
        bytes.set(INT, 40, fwdCnt);
        return bytes;
    }
}
