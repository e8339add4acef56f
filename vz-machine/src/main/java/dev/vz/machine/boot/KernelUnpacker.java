package dev.vz.machine.boot;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorInputStream;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * Unpacks the kernel inside a bzImage on the host, which spares the guest the hundred million instructions of doing it.
 * gzip needs nothing; LZ4 needs {@code commons-compress} on the module path, xz and lzma need {@code org.tukaani:xz}, zstd needs
 * {@code zstd-jni}.
 */
final class KernelUnpacker {

    private static final int LZ4_LEGACY_MAGIC = 0x184C_2102;
    /** The legacy frame format cuts its input into blocks of this size. */
    private static final int LZ4_LEGACY_BLOCK = 8 << 20;

    /** No kernel compresses better, and no more is allocated on the word of a file: it is what gzip can do at most. */
    private static final long MAX_RATIO = 1032;

    /** Kernels are packed with dictionaries of up to 128 MiB; a damaged header asks for gigabytes. */
    private static final int MEMORY_LIMIT_KIB = 192 << 10;

    private static final int CHUNK = 64 << 10;

    private KernelUnpacker() {}

    /**
     * The kernel inside {@code image}.
     *
     * @param limit the most bytes that it may have unpacked
     * @param room  where the kernel's memory is from. Outside the heap it is gone with its arena; a heap that has once held it
     *              stays that large
     */
    static ElfKernel unpack(BzImage image, long limit, SegmentAllocator room) {
        MemorySegment payload = image.payload();
        // The builder appends the unpacked size (boot.rst, "payload_length").
        long size = payload.byteSize() < 8 ? 0
                : Integer.toUnsignedLong(payload.get(KernelImage.INT, payload.byteSize() - 4));
        if (size == 0 || size > payload.byteSize() * MAX_RATIO) {
            throw new FormatException(
                    "Cannot unpack " + image.name() + ": it says that its payload of " + payload.byteSize()
                            + " bytes has " + size + " unpacked, which cannot be");
        }
        if (size > limit) {
            throw new ConfigurationException("Cannot unpack " + image.name() + ": it has " + size
                    + " bytes unpacked; the guest's memory leaves room for " + limit + ", give it more");
        }
        MemorySegment kernel = room.allocate(size);
        decompress(image, payload, kernel);
        if (!ElfKernel.looksLike(kernel)) {
            throw new FormatException("Cannot unpack " + image.name() + ": what is inside is not an ELF file");
        }
        return ElfKernel.parse(image.name(), kernel.asReadOnly());
    }

    private static void decompress(BzImage image, MemorySegment payload, MemorySegment kernel) {
        String name = image.name();
        int magic = Integer.reverseBytes(payload.get(KernelImage.INT, 0));
        // gzip ends with the unpacked size by itself; to all other formats the kernel's builder has appended it.
        long shorter = payload.byteSize() - 4;
        try {
            if (payload.get(KernelImage.INT, 0) == LZ4_LEGACY_MAGIC) {
                unpackLz4(image, payload, kernel);
            } else if (magic >>> 16 == 0x1F8B) {
                read(name, new GZIPInputStream(image.payloadStream(0, payload.byteSize())), kernel);
            } else if (magic == 0xFD377A58) {
                read(name, Xz.open(image.payloadStream(0, shorter)), kernel);
            } else if (magic == 0x28B52FFD) {
                read(name, Zstd.open(image.payloadStream(0, shorter)), kernel);
            } else if (magic >>> 8 == 0x5D0000) {
                read(name, Lzma.open(image.payloadStream(0, shorter)), kernel);
            } else {
                throw new FormatException("Cannot unpack " + name + ": its payload begins with 0x"
                        + String.format("%08x", magic)
                        + ", which is no known compression; let the guest unpack itself");
            }
        } catch (LinkageError missing) {
            throw new CapabilityException("Cannot unpack " + name + " on the host: " + missing.getMessage()
                    + " is missing; add org.apache.commons:commons-compress (for LZ4), org.tukaani:xz (for xz and lzma) or "
                    + "com.github.luben:zstd-jni (for zstd), or let the guest unpack itself", missing);
        } catch (VzException known) {
            throw known;
        } catch (IOException | RuntimeException damaged) {
            // The libraries answer some damage with exceptions of array accesses and argument checks.
            throw new FormatException("Cannot unpack " + name + ": its payload is damaged: " + damaged.getMessage(),
                    damaged);
        }
    }

    // Each library class has a holder of its own: the JVM looks for it only when that format is met.

    private static final class Xz {
        static InputStream open(InputStream in) throws IOException {
            return new XZInputStream(in, MEMORY_LIMIT_KIB);
        }
    }

    private static final class Zstd {
        static InputStream open(InputStream in) throws IOException {
            return new ZstdInputStreamNoFinalizer(in);
        }
    }

    private static final class Lzma {
        static InputStream open(InputStream in) throws IOException {
            return new LZMAInputStream(in, MEMORY_LIMIT_KIB);
        }
    }

    private static final class Lz4 {
        static InputStream open(InputStream block) throws IOException {
            return new BlockLZ4CompressorInputStream(block);
        }
    }

    private static void read(String name, InputStream stream, MemorySegment kernel) throws IOException {
        try (InputStream in = stream) {
            long got = fill(in, kernel);
            if (got != kernel.byteSize()) {
                throw new FormatException("Cannot unpack " + name + ": its payload gave " + got + " bytes instead of "
                        + kernel.byteSize());
            }
        }
    }

    /** Fills {@code to} from {@code in} as far as it goes, and returns how many bytes that are. */
    private static long fill(InputStream in, MemorySegment to) throws IOException {
        var chunk = new byte[CHUNK];
        long done = 0;
        while (done < to.byteSize()) {
            int got = in.readNBytes(chunk, 0, (int) Math.min(CHUNK, to.byteSize() - done));
            if (got == 0) {
                break;
            }
            MemorySegment.copy(chunk, 0, to, ValueLayout.JAVA_BYTE, done, got);
            done += got;
        }
        return done;
    }

    /** LZ4's legacy frames: a magic number, then blocks with their compressed size. */
    private static void unpackLz4(BzImage image, MemorySegment payload, MemorySegment kernel) throws IOException {
        long size = kernel.byteSize();
        long done = 0;
        long at = 4;
        long end = payload.byteSize() - 4;
        while (done < size && at <= end - 4) {
            int length = payload.get(KernelImage.INT, at);
            at += 4;
            if (length <= 0 || length > end - at) {
                throw new FormatException(
                        "Cannot unpack " + image.name() + ": an LZ4 block of " + length + " bytes at offset " + at
                                + " does not lie inside the payload of " + payload.byteSize());
            }
            long room = Math.min(LZ4_LEGACY_BLOCK, size - done);
            try (InputStream in = Lz4.open(image.payloadStream(at, at + length))) {
                long got = fill(in, kernel.asSlice(done, room));
                if (got == room && in.read() != -1) {
                    throw new IOException("an LZ4 block has more than " + room + " bytes unpacked");
                }
                done += got;
            }
            at += length;
        }
        if (done != size) {
            throw new FormatException("Cannot unpack " + image.name() + ": its LZ4 blocks gave " + done
                    + " bytes instead of " + size);
        }
    }
}
