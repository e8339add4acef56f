package dev.vz.storage.luks;

import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A file in the clear whose sectors another file holds encrypted, each by its place there. It lives as long as that file,
 * and is not closed. Writes that share a sector are put in order.
 */
public final class EncryptedFile extends ForwardingFile {

    private static final int CHUNK = 64 * 1024;
    private static final int SECTOR = XtsCipher.SECTOR;

    private record Worker(XtsCipher cipher, byte[] bytes) {}

    private final Supplier<byte[]> unlocking;
    private final ThreadLocal<Worker> workers;
    private byte @Nullable [] key;
    private final ReentrantLock edges = new ReentrantLock();

    /** Shows {@code file} with a master key that is asked for when it is needed first. */
    public EncryptedFile(ImageFile file, Supplier<byte[]> unlocking) {
        super(file);
        this.unlocking = unlocking;
        this.workers = ThreadLocal.withInitial(() -> new Worker(new XtsCipher(key()), new byte[CHUNK]));
    }

    private synchronized byte[] key() {
        byte[] known = key;
        if (known == null) {
            known = unlocking.get();
            key = known;
        }
        return known;
    }

    /**
     * Asks for the key now.
     *
     * @throws dev.vz.error.ConfigurationException if there is no passphrase, or a wrong one
     */
    public void unlock() {
        key();
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        Worker worker = workers.get();
        MemorySegment bytes = MemorySegment.ofArray(worker.bytes);
        long done = 0;
        while (done < length) {
            long at = position + done;
            int skip = (int) (at % SECTOR);
            int run = (int) Math.min(CHUNK - skip, length - done);
            int whole = skip + run + SECTOR - 1 & -SECTOR;
            super.read(at - skip, bytes, 0, whole);
            worker.cipher.apply(false, (at - skip) / SECTOR, worker.bytes, whole);
            MemorySegment.copy(bytes, skip, target, offset + done, run);
            done += run;
        }
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        boolean aligned = position % SECTOR == 0 && length % SECTOR == 0;
        if (!aligned) {
            edges.lock();
        }
        try {
            writeSectors(position, source, offset, length);
        } finally {
            if (!aligned) {
                edges.unlock();
            }
        }
    }

    private void writeSectors(long position, MemorySegment source, long offset, long length) {
        Worker worker = workers.get();
        MemorySegment bytes = MemorySegment.ofArray(worker.bytes);
        long done = 0;
        while (done < length) {
            long at = position + done;
            int skip = (int) (at % SECTOR);
            int run = (int) Math.min(CHUNK - skip, length - done);
            int whole = skip + run + SECTOR - 1 & -SECTOR;
            long first = (at - skip) / SECTOR;
            if (whole != run) {
                // A sector is encrypted as a whole: what is not written of the outer ones stays.
                super.read(at - skip, bytes, 0, whole);
                worker.cipher.apply(false, first, worker.bytes, whole);
            }
            MemorySegment.copy(source, offset + done, bytes, skip, run);
            worker.cipher.apply(true, first, worker.bytes, whole);
            super.write(at - skip, bytes, 0, whole);
            done += run;
        }
    }

    /** Zeros are encrypted like all else. */
    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        MemorySegment zeros = MemorySegment.ofArray(new byte[CHUNK]);
        for (long done = 0; done < length; done += CHUNK) {
            write(position + done, zeros, 0, Math.min(CHUNK, length - done));
        }
    }

    /** Holes of the file are no zeros here. */
    @Override
    public long nextData(long position) {
        return Math.min(position, size());
    }

    @Override
    public long nextHole(long position) {
        return size();
    }

    @Override
    public void close() {
        // The file belongs to whoever made this.
    }
}
