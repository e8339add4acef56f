package dev.vz.virtio.balloon;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.DescriptorChain;
import org.jspecify.annotations.Nullable;

/**
 * The free-page queue (virtio 1.3, 5.5.6.4). The host begins a round by putting a new number into the configuration; the
 * driver answers with that number, then gives free pages as buffers, then says stop. Pages of another round are nobody's.
 */
final class HintQueue {

    static final int CMD_ID = 8;
    static final int STOP = 0;
    static final int DONE = 1;
    private static final int FIRST_ROUND = 2;

    private final ConfigSpace config;
    private final GuestMemory memory;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private int round = FIRST_ROUND - 1;
    private boolean answering;
    private @Nullable FreePageListener listener;

    HintQueue(ConfigSpace config, GuestMemory memory) {
        this.config = config;
        this.memory = memory;
    }

    synchronized void begin(FreePageListener to) {
        // Never 0 or 1, which mean something else.
        round = round == Integer.MAX_VALUE ? FIRST_ROUND : round + 1;
        answering = false;
        listener = to;
        config.set(CMD_ID, 4, round);
    }

    synchronized void end() {
        answering = false;
        listener = null;
        config.set(CMD_ID, 4, DONE);
    }

    void process(QueueBatch batch) {
        while (batch.next(chain)) {
            if (chain.readableBytes() > 0) {
                reader.reset(chain);
                if (reader.remaining() != 4 || chain.writableBytes() > 0) {
                    batch.fault("a command on the free-page queue has " + reader.remaining()
                            + " bytes to read; 4 are needed (5.5.6.4)");
                    return;
                }
                command((int) reader.readLittleEndian(4));
            } else {
                pages();
            }
            batch.complete(chain, 0);
        }
    }

    private synchronized void command(int id) {
        FreePageListener to = listener;
        if (id == round && to != null) {
            answering = true;
        } else if (id == STOP && answering && to != null) {
            answering = false;
            to.complete();
        }
    }

    private synchronized void pages() {
        FreePageListener to = listener;
        if (!answering || to == null) {
            return;
        }
        for (int i = 0; i < chain.pieces(); i++) {
            if (memory.contains(chain.guestAddress(i), chain.length(i))) {
                to.free(chain.guestAddress(i), chain.length(i));
            }
        }
    }

    synchronized void reset() {
        answering = false;
        FreePageListener to = listener;
        listener = null;
        config.set(CMD_ID, 4, STOP);
        if (to != null) {
            to.complete();
        }
    }
}
