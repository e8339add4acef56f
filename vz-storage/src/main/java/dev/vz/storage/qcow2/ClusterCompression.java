package dev.vz.storage.qcow2;

import dev.vz.error.CapabilityException;
import dev.vz.storage.image.CorruptImageException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Packs and unpacks clusters: raw deflate streams (RFC 1951) or zstd frames. What a cluster unpacks to is never longer
 * than the cluster, so a crafted stream costs no more than that. For several threads.
 */
abstract sealed class ClusterCompression implements AutoCloseable {

    static ClusterCompression of(int compressionType) {
        if (compressionType == 0) {
            return new Zlib();
        }
        try {
            return new Zstd();
        } catch (NoClassDefFoundError missing) {
            throw new CapabilityException("Compressed clusters of this image need zstd: add com.github.luben:zstd-jni "
                    + "to the program", missing);
        }
    }

    /** Fills {@code unit} with what {@code stored} unpacks to; bytes after the end of the stream are padding. */
    abstract void unpack(MemorySegment stored, MemorySegment unit);

    /** Packs {@code unit} into {@code packed}; returns its length there, or 0 if it does not fit. */
    abstract int pack(MemorySegment unit, MemorySegment packed);

    @Override
    public abstract void close();

    static CorruptImageException damaged(String what) {
        return new CorruptImageException("A compressed cluster does not unpack: " + what);
    }

    private static final class Zlib extends ClusterCompression {

        /**
         * qemu-img packs at level 6 within a window of 4 KiB. With the whole window, which every reader of clusters has,
         * this level's clusters are about as long: from 3 % shorter for text to 1 % longer for machine code, in less time.
         */
        private static final int LEVEL = 2;

        private final ArrayDeque<Inflater> inflaters = new ArrayDeque<>();
        private final ArrayDeque<Deflater> deflaters = new ArrayDeque<>();

        private synchronized Inflater takeInflater() {
            Inflater pooled = inflaters.poll();
            return pooled == null ? new Inflater(true) : pooled;
        }

        private synchronized void give(Inflater inflater) {
            inflaters.push(inflater);
        }

        private synchronized Deflater takeDeflater() {
            Deflater pooled = deflaters.poll();
            return pooled == null ? new Deflater(LEVEL, true) : pooled;
        }

        private synchronized void give(Deflater deflater) {
            deflaters.push(deflater);
        }

        @Override
        void unpack(MemorySegment stored, MemorySegment unit) {
            Inflater inflater = takeInflater();
            try {
                inflater.reset();
                inflater.setInput(stored.asByteBuffer());
                ByteBuffer target = unit.asByteBuffer();
                while (target.hasRemaining()) {
                    if (inflater.inflate(target) == 0) {
                        throw damaged("its stream ends after " + target.position() + " of " + unit.byteSize()
                                + " bytes");
                    }
                }
            } catch (DataFormatException damage) {
                throw damaged(String.valueOf(damage.getMessage()));
            } finally {
                give(inflater);
            }
        }

        @Override
        int pack(MemorySegment unit, MemorySegment packed) {
            Deflater deflater = takeDeflater();
            try {
                deflater.reset();
                deflater.setInput(unit.asByteBuffer());
                deflater.finish();
                ByteBuffer target = packed.asByteBuffer();
                while (!deflater.finished() && target.hasRemaining()) {
                    deflater.deflate(target);
                }
                return deflater.finished() ? target.position() : 0;
            } finally {
                give(deflater);
            }
        }

        @Override
        public synchronized void close() {
            inflaters.forEach(Inflater::end);
            inflaters.clear();
            deflaters.forEach(Deflater::end);
            deflaters.clear();
        }
    }

    private static final class Zstd extends ClusterCompression {

        private final ZstdFrames frames = new ZstdFrames();

        @Override
        void unpack(MemorySegment stored, MemorySegment unit) {
            frames.unpack(stored, unit);
        }

        @Override
        int pack(MemorySegment unit, MemorySegment packed) {
            return frames.pack(unit, packed);
        }

        @Override
        public void close() {
            frames.close();
        }
    }
}
