package dev.vz.virtio.net;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.VnetHeader;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A driver of a network card, and the network at the other end of its cable. */
final class CardDriver implements AutoCloseable {

    static final byte[] MAC = {0x52, 0x54, 0, 1, 2, 3};
    static final long SEND = 0x2000;
    static final long RECEIVE = 0x20000;
    static final long COMMAND = 0x1000;
    static final int RECEIVE_BYTES = 1526;

    final LinkPair cable;
    final NetworkCard card;
    final TestDriver driver;
    /** What arrived at the other end: header and frame. */
    final List<byte[]> network = new ArrayList<>();

    CardDriver(QueueFeatures kind, LinkFeatures link, int pairs) {
        cable = new LinkPair("cable", link);
        card = new NetworkCard(cable.a(), MAC, pairs);
        driver = new TestDriver(card, kind);
        cable.b().receive(batch -> {
            for (int i = 0; i < batch.count(); i++) {
                var bytes = new byte[batch.length(i)];
                MemorySegment.copy(batch.segment(i), batch.headerOffset(i), MemorySegment.ofArray(bytes), 0,
                        bytes.length);
                network.add(bytes);
            }
            return batch.count();
        });
    }

    CardDriver(QueueFeatures kind) {
        this(kind, LinkFeatures.all(), 1);
    }

    /** A frame with these addresses; its payload counts up. */
    static byte[] frame(byte[] destination, byte[] source, int length) {
        var frame = new byte[length];
        System.arraycopy(destination, 0, frame, 0, 6);
        System.arraycopy(source, 0, frame, 6, 6);
        frame[12] = (byte) 0x88;
        frame[13] = (byte) 0xB5;
        for (int i = 14; i < length; i++) {
            frame[i] = (byte) i;
        }
        return frame;
    }

    static byte[] withHeader(byte[] frame) {
        var bytes = new byte[frame.length + VnetHeader.SIZE];
        System.arraycopy(frame, 0, bytes, VnetHeader.SIZE, frame.length);
        return bytes;
    }

    static byte[] tail(byte[] headerAndFrame) {
        return java.util.Arrays.copyOfRange(headerAndFrame, VnetHeader.SIZE, headerAndFrame.length);
    }

    /** The network sends frames, each with its header; returns how many the card took. */
    int arrive(byte[]... frames) {
        var batch = new FrameBatch();
        for (byte[] frame : frames) {
            batch.add(MemorySegment.ofArray(frame), 0, frame.length);
        }
        return cable.b().send(batch);
    }

    /** Posts a receive buffer of {@code bytes} at slot {@code slot}. */
    void post(QueueDriver queue, int index, int slot, int bytes) {
        driver.submit(index, queue, Buffer.writable(RECEIVE + slot * 0x10000L, bytes));
    }

    /** The frame with its header that is in slot {@code slot}, if the card has filled it. */
    Optional<byte[]> received(QueueDriver queue, int slot) {
        return queue.complete().map(done -> driver.memory.read(RECEIVE + slot * 0x10000L, done.written()));
    }

    /** Sends a control command; returns the answer. */
    int command(QueueDriver queue, int index, int type, int command, byte... data) {
        driver.memory.writeByte(COMMAND, (byte) type);
        driver.memory.writeByte(COMMAND + 1, (byte) command);
        driver.memory.write(COMMAND + 2, data);
        driver.memory.writeByte(COMMAND + 0x800, (byte) 0xEE);
        driver.submit(index, queue, Buffer.readable(COMMAND, 2), Buffer.readable(COMMAND + 2, Math.max(1, data.length)),
                Buffer.writable(COMMAND + 0x800, 1));
        if (queue.complete().isEmpty()) {
            throw new AssertionError("the command was not answered");
        }
        return driver.memory.readByte(COMMAND + 0x800);
    }

    @Override
    public void close() {
        driver.close();
        cable.close();
    }
}
