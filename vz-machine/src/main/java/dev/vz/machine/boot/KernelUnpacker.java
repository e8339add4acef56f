package dev.vz.machine.boot;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorInputStream;
import org.apache.commons.compress.compressors.lzma.LZMACompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.apache.commons.compress.compressors.zstandard.ZstdCompressorInputStream;

/**
 * Unpacks the kernel inside a bzImage on the host, which spares the guest the hundred million instructions of doing it.
 * gzip needs nothing; the other formats need commons-compress on the module path, xz and lzma also {@code org.tukaani:xz},
 * zstd also {@code zstd-jni}.
 */
final class KernelUnpacker {

    private static final int LZ4_LEGACY_MAGIC = 0x184C_2102;
    /** The legacy frame format cuts its input into blocks of this size. */
    private static final int LZ4_LEGACY_BLOCK = 8 << 20;

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
        if (size == 0 || size > limit) {
            throw new ConfigurationException("Cannot unpack " + image.name() + ": it says that it has " + size
                    + " bytes unpacked; the guest's memory leaves room for " + limit);
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
        try {
            if (view.get(KernelImage.INT, 0) == LZ4_LEGACY_MAGIC) {
                return unpackLz4(name, payload, size);
            }
            // The size at the end is no part of gzip's trailer alone: kernels append it to every format.
            var in = new ByteArrayInputStream(payload, 0, payload.length - 4);
            if (magic >>> 16 == 0x1F8B) {
                // gzip ends with that very size, so nothing was appended to it.
                return read(name, new GZIPInputStream(new ByteArrayInputStream(payload)), size);
            }
            if (magic == 0xFD377A58) {
                return read(name, new XZCompressorInputStream(in), size);
            }
            if (magic == 0x28B52FFD) {
                return read(name, new ZstdCompressorInputStream(in), size);
            }
            if (magic >>> 8 == 0x425A68) {
                return read(name, new BZip2CompressorInputStream(in), size);
            }
            if (magic >>> 8 == 0x5D0000) {
                return read(name, new LZMACompressorInputStream(in), size);
            }
        } catch (NoClassDefFoundError missing) {
            throw new CapabilityException("Cannot unpack " + name + " on the host: " + missing.getMessage()
                    + " is missing; add org.apache.commons:commons-compress (and for xz or lzma org.tukaani:xz, for zstd "
                    + "com.github.luben:zstd-jni), or let the guest unpack itself", missing);
        } catch (IOException damaged) {
            throw new FormatException("Cannot unpack " + name + ": its payload is damaged: " + damaged.getMessage(),
                    damaged);
        }
        throw new FormatException("Cannot unpack " + name + ": its payload begins with 0x"
                + String.format("%08x", magic) + ", which is no known compression; let the guest unpack itself");
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
            int expected = Math.min(LZ4_LEGACY_BLOCK, size - done);
            try (var block = new BlockLZ4CompressorInputStream(new ByteArrayInputStream(payload, at, length))) {
                done += block.readNBytes(bytes, done, expected);
            }
            at += length;
        }
        if (done != size) {
            throw new FormatException("Cannot unpack " + name + ": its LZ4 blocks gave " + done + " bytes instead of "
                    + size);
        }
        return bytes;
    }
}
