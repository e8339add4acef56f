package dev.vz.machine.boot;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
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

    private KernelUnpacker() {}

    /**
     * The kernel inside {@code image}.
     *
     * @param limit the most bytes that it may have unpacked
     */
    static ElfKernel unpack(BzImage image, long limit) {
        byte[] payload = image.payload().toArray(ValueLayout.JAVA_BYTE);
        // The builder appends the unpacked size (boot.rst, "payload_length").
        long size = payload.length < 8 ? 0
                : Integer.toUnsignedLong(MemorySegment.ofArray(payload).get(KernelImage.INT, payload.length - 4));
        if (size == 0 || size > payload.length * MAX_RATIO) {
            throw new FormatException(
                    "Cannot unpack " + image.name() + ": it says that its payload of " + payload.length
                            + " bytes has " + size + " unpacked, which cannot be");
        }
        if (size > limit) {
            throw new ConfigurationException("Cannot unpack " + image.name() + ": it has " + size
                    + " bytes unpacked; the guest's memory leaves room for " + limit + ", give it more");
        }
        byte[] kernel = decompress(image.name(), payload, (int) size);
        if (!ElfKernel.looksLike(kernel)) {
            throw new FormatException("Cannot unpack " + image.name() + ": what is inside is not an ELF file");
        }
        return ElfKernel.parse(image.name(), kernel);
    }

    private static byte[] decompress(String name, byte[] payload, int size) {
        MemorySegment view = KernelImage.view(payload);
        int magic = Integer.reverseBytes(view.get(KernelImage.INT, 0));
        // gzip ends with the unpacked size by itself; to all other formats the kernel's builder has appended it.
        var whole = new ByteArrayInputStream(payload);
        var shorter = new ByteArrayInputStream(payload, 0, payload.length - 4);
        try {
            if (view.get(KernelImage.INT, 0) == LZ4_LEGACY_MAGIC) {
                return unpackLz4(name, payload, size);
            }
            if (magic >>> 16 == 0x1F8B) {
                return read(name, new GZIPInputStream(whole), size);
            }
            if (magic == 0xFD377A58) {
                return read(name, Xz.open(shorter), size);
            }
            if (magic == 0x28B52FFD) {
                return read(name, Zstd.open(shorter), size);
            }
            if (magic >>> 8 == 0x5D0000) {
                return read(name, Lzma.open(shorter), size);
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
        throw new FormatException("Cannot unpack " + name + ": its payload begins with 0x"
                + String.format("%08x", magic) + ", which is no known compression; let the guest unpack itself");
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
        /** Unpacks the block of {@code length} bytes at {@code from} to at most {@code room} bytes, and returns how many. */
        static int unpack(byte[] payload, int from, int length, byte[] to, int at, int room) throws IOException {
            try (var in = new BlockLZ4CompressorInputStream(new ByteArrayInputStream(payload, from, length))) {
                int got = in.readNBytes(to, at, room);
                if (got == room && in.read() != -1) {
                    throw new IOException("an LZ4 block has more than " + room + " bytes unpacked");
                }
                return got;
            }
        }
    }

    private static byte[] read(String name, InputStream stream, int size) throws IOException {
        try (InputStream in = stream) {
            var bytes = new byte[size];
            int got = in.readNBytes(bytes, 0, size);
            if (got != size) {
                throw new FormatException("Cannot unpack " + name + ": its payload gave " + got + " bytes instead of "
                        + size);
            }
            return bytes;
        }
    }

    /** LZ4's legacy frames: a magic number, then blocks with their compressed size. */
    private static byte[] unpackLz4(String name, byte[] payload, int size) throws IOException {
        MemorySegment view = KernelImage.view(payload);
        var bytes = new byte[size];
        int done = 0;
        int at = 4;
        int end = payload.length - 4;
        while (done < size && at <= end - 4) {
            int length = view.get(KernelImage.INT, at);
            at += 4;
            if (length <= 0 || length > end - at) {
                throw new FormatException(
                        "Cannot unpack " + name + ": an LZ4 block of " + length + " bytes at offset " + at
                                + " does not lie inside the payload of " + payload.length);
            }
            done += Lz4.unpack(payload, at, length, bytes, done, Math.min(LZ4_LEGACY_BLOCK, size - done));
            at += length;
        }
        if (done != size) {
            throw new FormatException("Cannot unpack " + name + ": its LZ4 blocks gave " + done + " bytes instead of "
                    + size);
        }
        return bytes;
    }
}
