package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a disk encrypted below: AES-XTS over sectors whose number is the tweak, as dm-crypt's {@code aes-xts-plain64}.
 *
 * <p>
 * Requests are multiples of the sector. A discard does nothing, since what the device below then reads as zeros would be
 * noise above; zeros are written as what they encrypt to. The caller's buffers are never seen in clear text by the device
 * below, nor changed by a write. Thread-safe.
 */
public final class EncryptedDevice extends FilterDevice {

    private static final int CHUNK = 64 * 1024;

    private final byte[] key;
    private final int sectorSize;
    private final ThreadLocal<Worker> workers;
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::done);
    private @Nullable Bounce free;

    /** What a thread needs to encrypt. */
    private final class Worker {
        final Xts xts = new Xts(key, sectorSize);
        final byte[] bytes = new byte[CHUNK];
    }

    /** Memory for the ciphertext of one write. */
    private static final class Bounce {
        final MemorySegment memory;
        final long capacity;
        @Nullable
        Bounce next;

        Bounce(long capacity) {
            this.capacity = capacity;
            memory = Arena.ofAuto().allocate(capacity, 4096);
        }
    }

    /**
     * Over {@code below}.
     *
     * @param key        32 bytes for AES-128, 64 for AES-256: the data key followed by the tweak key
     * @param sectorSize bytes that are encrypted together, a power of two from 512 to 4096
     */
    public EncryptedDevice(BlockDevice below, byte[] key, int sectorSize) {
        super(below);
        if (sectorSize < 512 || sectorSize > 4096 || Integer.bitCount(sectorSize) != 1
                || below.info().size() % sectorSize != 0) {
            throw new ConfigurationException("A disk of " + below.info().size()
                    + " bytes cannot be encrypted in sectors of " + sectorSize
                    + " bytes; they are a power of two from 512 to 4096 that divides its size");
        }
        this.key = key.clone();
        this.sectorSize = sectorSize;
        new Xts(key, sectorSize); // says now if the key is of a wrong length
        this.workers = ThreadLocal.withInitial(Worker::new);
    }

    @Override
    public BlockInfo info() {
        BlockInfo info = super.info();
        return new BlockInfo(info.size(), Math.max(sectorSize, info.logicalBlockSize()),
                Math.max(sectorSize, info.physicalBlockSize()), info.optimalTransfer(), info.readOnly(), 0,
                Math.min(info.maxTransfer(), 32 << 20), info.rotational());
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult bad = request.check(super.info().size());
        if (bad == null && request.operation() != Operation.FLUSH
                && (request.offset() % sectorSize != 0 || request.length() % sectorSize != 0)) {
            bad = BlockResult.INVALID;
        }
        if (bad != null) {
            request.complete(bad);
            return;
        }
        switch (request.operation()) {
            case READ -> below().submit(children.take(request).like(request, request.offset()));
            case WRITE -> write(request);
            case WRITE_ZEROES -> {
                if (request.has(BlockRequest.FAST_ONLY)) {
                    request.complete(BlockResult.NOT_FAST);
                } else {
                    ChildRequest child = children.take(request);
                    child.number = 0;
                    writeZeroes(child);
                }
            }
            case DISCARD -> request.complete(BlockResult.OK);
            case FLUSH -> super.submit(request);
        }
    }

    private void write(BlockRequest request) {
        if (request.length() > info().maxTransfer()) {
            request.complete(BlockResult.INVALID);
            return;
        }
        Bounce bounce = take(request.length());
        long at = 0;
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            MemorySegment.copy(request.segment(i), request.bufferOffset(i), bounce.memory, at, length);
            at += length;
        }
        apply(true, bounce.memory, 0, request.length(), request.offset());
        ChildRequest child = children.take(request);
        child.request.prepare(Operation.WRITE, request.offset(), request.length(), request.flags())
                .addBuffer(bounce.memory, 0, request.length()).attach(bounce);
        below().submit(child.request);
    }

    /** Writes the next chunk of encrypted zeros; {@code number} of the child counts what is done. */
    private void writeZeroes(ChildRequest child) {
        BlockRequest parent = child.parent();
        long length = Math.min(parent.length() - child.number, 1 << 20);
        Bounce bounce = take(length);
        bounce.memory.asSlice(0, length).fill((byte) 0);
        apply(true, bounce.memory, 0, length, parent.offset() + child.number);
        child.request.prepare(Operation.WRITE, parent.offset() + child.number, length,
                parent.flags() & BlockRequest.FUA).addBuffer(bounce.memory, 0, length).attach(bounce);
        child.number += length;
        below().submit(child.request);
    }

    private void done(ChildRequest child, BlockResult result) {
        BlockRequest parent = child.parent();
        if (child.request.attachment() instanceof Bounce bounce) {
            child.request.attach(null);
            give(bounce);
        }
        if (result == BlockResult.OK && parent.operation() == Operation.READ) {
            decrypt(parent);
        }
        if (result == BlockResult.OK && parent.operation() == Operation.WRITE_ZEROES
                && child.number < parent.length()) {
            writeZeroes(child);
            return;
        }
        child.end(result);
    }

    private void apply(boolean encrypting, MemorySegment data, long start, long length, long offset) {
        Worker worker = workers.get();
        for (long at = 0; at < length; at += CHUNK) {
            int here = (int) Math.min(CHUNK, length - at);
            MemorySegment.copy(data, ValueLayout.JAVA_BYTE, start + at, worker.bytes, 0, here);
            worker.xts.apply(encrypting, worker.bytes, here, (offset + at) / sectorSize);
            MemorySegment.copy(worker.bytes, 0, data, ValueLayout.JAVA_BYTE, start + at, here);
        }
    }

    /** Decrypts a read's buffers in place; a sector may lie in two of them. */
    private void decrypt(BlockRequest request) {
        if (request.bufferCount() == 1) {
            apply(false, request.segment(0), request.bufferOffset(0), request.length(), request.offset());
            return;
        }
        Bounce bounce = take(request.length());
        long at = 0;
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            MemorySegment.copy(request.segment(i), request.bufferOffset(i), bounce.memory, at, length);
            at += length;
        }
        apply(false, bounce.memory, 0, request.length(), request.offset());
        at = 0;
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            MemorySegment.copy(bounce.memory, at, request.segment(i), request.bufferOffset(i), length);
            at += length;
        }
        give(bounce);
    }

    private synchronized Bounce take(long length) {
        Bounce first = free;
        if (first != null && first.capacity >= length) {
            free = first.next;
            first.next = null;
            return first;
        }
        return new Bounce(Math.max(CHUNK, length));
    }

    private synchronized void give(Bounce bounce) {
        // Large ones are rare; keeping them all would keep the memory of the largest for each request in flight.
        if (bounce.capacity <= 1 << 20) {
            bounce.next = free;
            free = bounce;
        }
    }

    /** All data is stored: what is a hole below is noise above. */
    @Override
    public BlockExtent status(long offset, long length) {
        return new BlockExtent(offset, length, true, false);
    }
}
