package dev.vz.virtio.net;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import dev.vz.virtio.device.Counter;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.DescriptorChain;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * One transmit queue (virtio 1.3, 5.1.6.2). A frame that lies in one piece goes to the link where it lies; one in several
 * is put together first. What the link has no room for is dropped, as a wire does.
 */
final class Transmitter {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ROOM = 2 * (NetFeatures.LONGEST + VnetHeader.SIZE);

    private final NetworkCard card;
    private final int pair;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final FrameBatch frames = new FrameBatch();
    private final int[] ids = new int[QueueBatch.BUDGET];
    private final int[] slots = new int[QueueBatch.BUDGET];
    private @Nullable MemorySegment assembly;
    private long assembled;
    final Counter sentFrames = new Counter();
    final Counter sentBytes = new Counter();
    final Counter dropped = new Counter();

    Transmitter(NetworkCard card, int pair) {
        this.card = card;
        this.pair = pair;
    }

    void process(QueueBatch batch) {
        LinkPort port = card.port();
        LinkFeatures agreed = card.sentFeatures();
        LinkFeatures now = port.features();
        frames.clear();
        assembled = 0;
        int taken = 0;
        String broken = null;
        while (taken < QueueBatch.BUDGET && broken == null && batch.next(chain)) {
            ids[taken] = chain.id();
            slots[taken] = chain.slots();
            taken++;
            if (chain.writableBytes() > 0) {
                broken = "a frame to be sent has " + chain.writableBytes() + " bytes to write (5.1.6.2)";
            } else if (!gather(port, agreed, now)) {
                dropped.add(1);
            }
        }
        flush(port);
        for (int i = 0; i < taken; i++) {
            batch.complete(ids[i], slots[i], 0);
        }
        if (broken != null) {
            batch.fault(broken);
        }
    }

    /** Puts the chain's frame into the batch; {@code false} if it cannot be sent. */
    private boolean gather(LinkPort port, LinkFeatures agreed, LinkFeatures now) {
        long bytes = chain.readableBytes();
        if (bytes < VnetHeader.SIZE + NetFeatures.ETHERNET || bytes > VnetHeader.SIZE + NetFeatures.LONGEST) {
            return false;
        }
        int length = (int) bytes;
        boolean whole = chain.pieces() == 1;
        MemorySegment segment = whole ? chain.segment(0) : assemble(port, length);
        long at = whole ? chain.offset(0) : assembled - length;
        long word = segment.get(LONG, at);
        int checksumOffset = segment.get(SHORT, at + 8) & 0xFFFF;
        if (!NetFeatures.fits(word, checksumOffset, length - VnetHeader.SIZE, agreed)) {
            return false;
        }
        if ((word & VnetHeader.NEEDS_CSUM) != 0 && !now.checksum()) {
            // The link has changed its mind since the driver was told; a large frame cannot be helped.
            if ((word >>> 8 & 0xFF) != VnetHeader.GSO_NONE) {
                return false;
            }
            if (whole) {
                segment = assemble(port, length);
                at = assembled - length;
            }
            Checksum.fill(segment, at + VnetHeader.SIZE, length - VnetHeader.SIZE, (int) (word >>> 48),
                    checksumOffset);
            VnetHeader.clear(segment, at);
        }
        card.learn(segment, at + VnetHeader.SIZE, length - VnetHeader.SIZE, pair);
        return frames.add(segment, at, length);
    }

    /** Copies the chain behind what was put together before; it ends at {@link #assembled}. */
    private MemorySegment assemble(LinkPort port, int length) {
        MemorySegment room = assembly;
        if (room == null) {
            room = Arena.ofAuto().allocate(ROOM);
            assembly = room;
        }
        if (assembled + length > ROOM) {
            flush(port);
            assembled = 0;
        }
        reader.reset(chain);
        reader.read(room, assembled, length);
        assembled += length;
        return room;
    }

    private void flush(LinkPort port) {
        int count = frames.count();
        if (count == 0) {
            return;
        }
        int taken = card.send(port, frames);
        long bytes = 0;
        for (int i = 0; i < taken; i++) {
            bytes += frames.frameLength(i);
        }
        sentFrames.add(taken);
        sentBytes.add(bytes);
        dropped.add(count - taken);
        frames.clear();
    }
}
