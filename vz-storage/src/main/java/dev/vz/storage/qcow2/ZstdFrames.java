package dev.vz.storage.qcow2;

import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Zstd through zstd-jni: the only class here that needs the library. */
final class ZstdFrames implements AutoCloseable {

    private final ArrayDeque<ZstdDecompressCtx> decompressors = new ArrayDeque<>();
    private final ArrayDeque<ZstdCompressCtx> compressors = new ArrayDeque<>();

    private synchronized ZstdDecompressCtx takeDecompressor() {
        ZstdDecompressCtx pooled = decompressors.poll();
        return pooled == null ? new ZstdDecompressCtx() : pooled;
    }

    private synchronized void give(ZstdDecompressCtx context) {
        decompressors.push(context);
    }

    private synchronized ZstdCompressCtx takeCompressor() {
        ZstdCompressCtx pooled = compressors.poll();
        return pooled == null ? new ZstdCompressCtx() : pooled;
    }

    private synchronized void give(ZstdCompressCtx context) {
        compressors.push(context);
    }

    void unpack(MemorySegment stored, MemorySegment unit) {
        ZstdDecompressCtx context = takeDecompressor();
        try {
            context.reset();
            ByteBuffer source = stored.asByteBuffer();
            ByteBuffer target = unit.asByteBuffer();
            while (target.hasRemaining()) {
                int before = source.remaining() + target.remaining();
                boolean frameEnds = context.decompressDirectByteBufferStream(target, source);
                if (target.hasRemaining() && (frameEnds && !source.hasRemaining()
                        || source.remaining() + target.remaining() == before)) {
                    throw ClusterCompression.damaged("its frame ends after " + target.position() + " of " + unit
                            .byteSize() + " bytes");
                }
            }
        } catch (ZstdException damage) {
            throw ClusterCompression.damaged(String.valueOf(damage.getMessage()));
        } finally {
            give(context);
        }
    }

    int pack(MemorySegment unit, MemorySegment packed) {
        ZstdCompressCtx context = takeCompressor();
        try {
            context.reset();
            ByteBuffer target = packed.asByteBuffer();
            return context.compress(target, unit.asByteBuffer());
        } catch (ZstdException doesNotFit) {
            // The only thing that can go wrong with a buffer as large as this one's: the frame is longer than it.
            return 0;
        } finally {
            give(context);
        }
    }

    @Override
    public synchronized void close() {
        decompressors.forEach(ZstdDecompressCtx::close);
        decompressors.clear();
        compressors.forEach(ZstdCompressCtx::close);
        compressors.clear();
    }
}
