package dev.vz.virtio.net;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.virtio.device.Counter;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.ToIntBiFunction;
import org.jspecify.annotations.Nullable;

/**
 * One receive queue (virtio 1.3, 5.1.6.3 and 5.1.6.4). Frames are copied into the driver's buffers on the thread that
 * brings them. A frame for which there is no buffer is left to whoever brought it.
 */
final class Receiver {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** What reaches the driver of a header's flags. */
    private static final long FLAGS = VnetHeader.NEEDS_CSUM | VnetHeader.DATA_VALID;

    private final NetworkCard card;
    private DescriptorChain[] chains = {new DescriptorChain()};
    private final ChainWriter writer = new ChainWriter(chains[0]);
    private final MemorySegment header = MemorySegment.ofArray(new byte[VnetHeader.SIZE]);
    private @Nullable MemorySegment copy;
    /** Made once: a method reference for each batch would be an object for each. */
    private final ToIntBiFunction<QueueBatch, FrameBatch> delivery = this::deliver;
    private volatile @Nullable QueueBatch queue;
    final Counter frames = new Counter();
    final Counter bytes = new Counter();
    final Counter dropped = new Counter();
    final Counter filtered = new Counter();

    Receiver(NetworkCard card) {
        this.card = card;
    }

    /** The driver has put buffers there; from now on frames can come. */
    void attach(QueueBatch batch) {
        queue = batch;
    }

    boolean isAttached() {
        return queue != null;
    }

    void detach() {
        queue = null;
    }

    /** Gives the driver the first frames of {@code batch}; returns how many. Any thread. */
    int accept(FrameBatch batch) {
        QueueBatch to = queue;
        int taken = to == null ? -1 : to.now(batch, delivery);
        // A card that is not working is a cable that hangs loose.
        return taken < 0 ? batch.count() : taken;
    }

    void countLost(int count) {
        dropped.add(count);
    }

    private int deliver(QueueBatch to, FrameBatch batch) {
        ReceiveFilter filter = card.filter();
        LinkFeatures agreed = card.receivedFeatures();
        boolean merge = card.mergesBuffers();
        long newFrames = 0;
        long newBytes = 0;
        int count = batch.count();
        int done = 0;
        for (; done < count; done++) {
            MemorySegment segment = batch.segment(done);
            long at = batch.headerOffset(done);
            int length = batch.length(done);
            int frame = length - VnetHeader.SIZE;
            if (frame < NetFeatures.ETHERNET || frame > NetFeatures.LONGEST) {
                dropped.add(1);
                continue;
            }
            if (!filter.passes(segment, at + VnetHeader.SIZE, frame)) {
                filtered.add(1);
                continue;
            }
            int result = put(to, segment, at, length, agreed, merge);
            if (result == NO_BUFFER) {
                break;
            }
            if (result == DROPPED) {
                dropped.add(1);
            } else {
                newFrames++;
                newBytes += frame;
            }
        }
        frames.add(newFrames);
        bytes.add(newBytes);
        return done;
    }

    private static final int PUT = 0;
    private static final int DROPPED = 1;
    private static final int NO_BUFFER = 2;

    private int put(QueueBatch to, MemorySegment from, long at, int length, LinkFeatures agreed, boolean merge) {
        MemorySegment source = from;
        long sourceAt = at;
        // Read once: another guest may own these bytes, and change them.
        long word = from.get(LONG, at);
        int checksumOffset = from.get(SHORT, at + 8) & 0xFFFF;
        int frame = length - VnetHeader.SIZE;
        if (!NetFeatures.fits(word, checksumOffset, frame, agreed)) {
            if ((word & VnetHeader.NEEDS_CSUM) == 0 || agreed.checksum() || (word >>> 8 & 0xFF) != VnetHeader.GSO_NONE
                    || frame > agreed.mtu() + NetFeatures.ETHERNET + 8
                    || (int) (word >>> 48) + checksumOffset + 2 > frame) {
                return DROPPED;
            }
            source = summed(from, at, length, (int) (word >>> 48), checksumOffset);
            sourceAt = 0;
            word = 0;
            checksumOffset = 0;
        }
        long sanitized = word & ~0xFFL | word & (agreed.checksum() ? FLAGS : 0);
        int taken = merge ? take(to, length) : to.next(chains[0]) ? 1 : 0;
        if (taken == 0) {
            return NO_BUFFER;
        }
        if (chains[0].readableBytes() > 0) {
            to.fault("a receive buffer has " + chains[0].readableBytes() + " bytes to read (5.1.6.3)");
            return NO_BUFFER;
        }
        DescriptorChain first = chains[0];
        if (first.pieces() > 0 && first.length(0) >= length) {
            MemorySegment target = first.segment(0);
            long targetAt = first.offset(0);
            MemorySegment.copy(source, sourceAt + VnetHeader.SIZE, target, targetAt + VnetHeader.SIZE, frame);
            target.set(LONG, targetAt, sanitized);
            target.set(INT, targetAt + 8, checksumOffset | 1 << 16);
            writer.reset(first);
            writer.advance(length);
            to.complete(first, length);
            return PUT;
        }
        header.set(LONG, 0, sanitized);
        header.set(INT, 8, checksumOffset | taken << 16);
        return scatter(to, source, sourceAt, frame, taken);
    }

    private MemorySegment summed(MemorySegment from, long at, int length, int start, int offset) {
        MemorySegment room = copy;
        if (room == null) {
            room = Arena.ofAuto().allocate(NetFeatures.LONGEST + VnetHeader.SIZE);
            copy = room;
        }
        MemorySegment.copy(from, at, room, 0, length);
        Checksum.fill(room, VnetHeader.SIZE, length - VnetHeader.SIZE, start, offset);
        return room;
    }

    /** Takes chains for {@code length} bytes; 0, and none is taken, if the driver has not given as many. */
    private int take(QueueBatch to, int length) {
        int taken = 0;
        long room = 0;
        while (room < length) {
            if (taken == chains.length) {
                grow();
            }
            DescriptorChain chain = chains[taken];
            if (!to.next(chain)) {
                while (taken > 0) {
                    to.undo(chains[--taken]);
                }
                return 0;
            }
            if (chain.readableBytes() > 0) {
                to.fault("a receive buffer has " + chain.readableBytes() + " bytes to read (5.1.6.3)");
                return 0;
            }
            taken++;
            room += chain.writableBytes();
        }
        return taken;
    }

    private void grow() {
        int had = chains.length;
        chains = Arrays.copyOf(chains, had * 2);
        for (int i = had; i < chains.length; i++) {
            chains[i] = new DescriptorChain();
        }
    }

    private int scatter(QueueBatch to, MemorySegment source, long at, int frame, int taken) {
        writer.reset(chains[0]);
        if (taken == 1 && writer.remaining() < frame + VnetHeader.SIZE || writer.remaining() < VnetHeader.SIZE) {
            // Too short (5.1.6.3.1): the frame is lost, the driver keeps its buffers.
            for (int i = taken; i > 0; i--) {
                to.undo(chains[i - 1]);
            }
            return DROPPED;
        }
        writer.write(header, 0, VnetHeader.SIZE);
        int done = 0;
        for (int i = 0; i < taken; i++) {
            if (i > 0) {
                writer.reset(chains[i]);
            }
            long here = Math.min(frame - done, writer.remaining());
            writer.write(source, at + VnetHeader.SIZE + done, here);
            done += (int) here;
            to.complete(chains[i], (int) writer.written());
        }
        return PUT;
    }
}
