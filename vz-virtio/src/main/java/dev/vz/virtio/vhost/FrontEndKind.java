package dev.vz.virtio.vhost;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.queue.QueueFeatures;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a device of another process's is here: what its back end says, and what only this side knows.
 *
 * @param type      as virtio numbers it
 * @param name      for people
 * @param queues    how many
 * @param queueSize most entries of each
 * @param config    first content of the configuration space
 * @param passed    features that the back end may offer the driver
 * @param own       features that the driver is offered by this side, and the back end not told of
 * @param lasting   whether the driver need not know that the back end was replaced by another
 */
record FrontEndKind(int type, String name, int queues, int queueSize, byte[] config, long passed, long own,
        Lasting lasting) {

    /** When a back end can be replaced by another. */
    enum Lasting {
        /** Never: it has a state that it takes along. */
        NO,
        /** If requests in flight are noted where the next back end finds them. */
        NOTED,
        /** If they are noted, or where a ring tells how far it is: what was on its way may be lost. */
        RING
    }

    static final int BLOCK = 2;
    static final int BLOCK_WRITEBACK = 32;

    private static final int NET = 1;
    private static final int BLOCK_CONFIG = 60;
    private static final int BLOCK_QUEUES = 34;
    private static final long BLOCK_MQ = 1L << 12;
    private static final int FOLDER = 26;
    private static final int TAG_BYTES = 36;
    private static final int ADDRESS_BYTES = 6;
    private static final int SIZE = 256;
    private static final int NET_SIZE = 1024;
    /** Of rings, without those that are the transport's or that a queue's start elsewhere does not carry over. */
    private static final long RINGS = DeviceHost.VERSION_1 | 1L << QueueFeatures.INDIRECT_DESC
            | 1L << QueueFeatures.EVENT_IDX | 1L << QueueFeatures.RING_PACKED | 1L << QueueFeatures.IN_ORDER;
    /** Bits 0 to 23, and 50 and up, are the device type's own. */
    private static final long TYPES = 0xFF_FFFFL;
    /** CSUM, GUEST_CSUM, GUEST_TSO4 to GUEST_ECN, HOST_TSO4 to HOST_ECN, MRG_RXBUF (virtio 1.3, 5.1.3): what concerns frames. */
    private static final long FRAMES = 0xB383L;
    /** MAC and STATUS. */
    private static final long CARD = 1L << 5 | 1L << 16;
    private static final int LINK_UP = 1;

    static FrontEndKind block(BackEndLink link, UnixAddress address, int queues) {
        if (!link.hasConfig()) {
            throw new CapabilityException("The vhost-user back end " + address + " cannot say how large its disk is:"
                    + " it does not offer VHOST_USER_PROTOCOL_F_CONFIG");
        }
        byte[] content = link.config(BLOCK_CONFIG);
        int own = (link.features() & BLOCK_MQ) == 0 ? 1 : Math.min(queues, link.queueNumber());
        content[BLOCK_QUEUES] = (byte) own;
        content[BLOCK_QUEUES + 1] = 0;
        return new FrontEndKind(BLOCK, "vhost-user-blk", own, SIZE, content, RINGS | TYPES, 0, Lasting.NOTED);
    }

    static FrontEndKind folder(String tag) {
        byte[] bytes = tag.getBytes(StandardCharsets.UTF_8);
        if (bytes.length < 1 || bytes.length > TAG_BYTES) {
            throw new ConfigurationException("A shared folder's tag has 1 to " + TAG_BYTES + " bytes, not \"" + tag
                    + "\"");
        }
        byte[] content = Arrays.copyOf(bytes, TAG_BYTES + 4);
        content[TAG_BYTES] = 1;
        return new FrontEndKind(FOLDER, "vhost-user-fs", 2, SIZE, content, RINGS | TYPES, 0, Lasting.NO);
    }

    static FrontEndKind card(byte[] address) {
        if (address.length != ADDRESS_BYTES || (address[0] & 1) != 0) {
            throw new ConfigurationException("A network card has a six-byte address of a single station, not "
                    + Arrays.toString(address));
        }
        ByteBuffer content = ByteBuffer.allocate(ADDRESS_BYTES + 4).order(ByteOrder.LITTLE_ENDIAN);
        content.put(0, address).putShort(ADDRESS_BYTES, (short) LINK_UP).putShort(ADDRESS_BYTES + 2, (short) 1);
        return new FrontEndKind(NET, "vhost-user-net", 2, NET_SIZE, content.array(), RINGS | FRAMES, CARD,
                Lasting.RING);
    }

    static FrontEndKind of(BackEndLink link, int type, int queues, int configBytes) {
        return new FrontEndKind(type, "vhost-user-" + type, queues, SIZE,
                link.hasConfig() ? link.config(configBytes) : new byte[configBytes], RINGS | TYPES, 0, Lasting.NO);
    }

    /** What the driver of a device whose back end offers {@code offered} is offered. */
    long features(long offered) {
        return offered & passed | own;
    }
}
