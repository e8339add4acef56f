package dev.vz.virtio.net;

import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;

/** The control queue (virtio 1.3, 5.1.6.5): class, command, data, and a byte for the answer. */
final class ControlQueue {

    static final int OK = 0;
    static final int ERR = 1;

    static final int CLASS_RX = 0;
    static final int CLASS_MAC = 1;
    static final int CLASS_VLAN = 2;
    static final int CLASS_ANNOUNCE = 3;
    static final int CLASS_MQ = 4;
    static final int CLASS_GUEST_OFFLOADS = 5;

    private final NetworkCard card;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final ChainWriter writer = new ChainWriter(chain);

    ControlQueue(NetworkCard card) {
        this.card = card;
    }

    void process(QueueBatch batch) {
        while (batch.next(chain)) {
            reader.reset(chain);
            writer.reset(chain);
            if (reader.remaining() < 2 || writer.remaining() < 1) {
                batch.fault("a control command has " + reader.remaining() + " bytes to read and " + writer.remaining()
                        + " to write; at least 2 and 1 are needed (5.1.6.5)");
                return;
            }
            int type = reader.readByte();
            int command = reader.readByte();
            writer.writeByte(execute(type, command) ? OK : ERR);
            batch.complete(chain, 1);
        }
    }

    private boolean execute(int type, int command) {
        long features = card.agreed();
        return switch (type) {
            case CLASS_RX -> NetFeatures.has(features, command < 2 ? NetFeatures.CTRL_RX : NetFeatures.CTRL_RX_EXTRA)
                    && mode(command);
            case CLASS_MAC -> switch (command) {
                case 0 -> NetFeatures.has(features, NetFeatures.CTRL_RX) && tables();
                case 1 -> NetFeatures.has(features, NetFeatures.CTRL_MAC_ADDR) && address();
                default -> false;
            };
            case CLASS_VLAN -> NetFeatures.has(features, NetFeatures.CTRL_VLAN) && vlan(command);
            case CLASS_ANNOUNCE -> NetFeatures.has(features, NetFeatures.GUEST_ANNOUNCE) && command == 0
                    && card.announced();
            case CLASS_MQ -> NetFeatures.has(features, NetFeatures.MQ) && command == 0 && reader.remaining() >= 2
                    && card.usePairs((int) reader.readLittleEndian(2));
            case CLASS_GUEST_OFFLOADS -> NetFeatures.has(features, NetFeatures.CTRL_GUEST_OFFLOADS) && command == 0
                    && reader.remaining() >= 8 && card.useOffloads(reader.readLittleEndian(8));
            default -> false;
        };
    }

    private boolean mode(int command) {
        if (command > 5 || reader.remaining() < 1) {
            return false;
        }
        boolean on = reader.readByte() != 0;
        card.filter(card.filter().withMode(1 << command, on));
        return true;
    }

    private boolean address() {
        if (reader.remaining() != 6) {
            return false;
        }
        card.useAddress(reader.readLittleEndian(6));
        return true;
    }

    /** Two tables, each a number of entries and the entries; what is more than is kept means all. */
    private boolean tables() {
        long[][] kept = new long[2][];
        int overflow = 0;
        for (int table = 0; table < 2; table++) {
            if (reader.remaining() < 4) {
                return false;
            }
            long entries = reader.readLittleEndian(4);
            if (entries > reader.remaining() / 6) {
                return false;
            }
            if (entries > ReceiveFilter.MOST) {
                overflow |= 1 << table;
                kept[table] = new long[0];
                reader.skip(6 * entries);
                continue;
            }
            kept[table] = new long[(int) entries];
            for (int i = 0; i < entries; i++) {
                kept[table][i] = reader.readLittleEndian(6);
            }
        }
        card.filter(card.filter().withTables(kept[0], kept[1], overflow));
        return true;
    }

    private boolean vlan(int command) {
        if (command > 1 || reader.remaining() < 2) {
            return false;
        }
        int id = (int) reader.readLittleEndian(2);
        if (id > 4095) {
            return false;
        }
        card.filter(card.filter().withVlan(id, command == 0));
        return true;
    }
}
