package dev.vz.storage.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** What a disk should read: an array, changed in step with an image. */
public final class ModelDisk {

    private byte[] bytes;

    /** Zeros. */
    public ModelDisk(long size) {
        bytes = new byte[Math.toIntExact(size)];
    }

    /** Bytes of the disk. */
    public byte[] bytes() {
        return bytes;
    }

    /** Writes pseudo-random bytes of {@code seed} here and to {@code device}. */
    public void write(BlockDevice device, long offset, int length, long seed) {
        byte[] data = pattern(seed, length);
        // Any thread of the device's may touch the buffer.
        MemorySegment buffer = Arena.ofAuto().allocate(Math.max(1, length)).asSlice(0, length);
        MemorySegment.copy(MemorySegment.ofArray(data), 0, buffer, 0, length);
        device.write(offset, buffer);
        System.arraycopy(data, 0, bytes, (int) offset, length);
    }

    /** Zeros here and on {@code device}. */
    public void zero(BlockDevice device, long offset, long length) {
        device.writeZeroes(offset, length);
        Arrays.fill(bytes, (int) offset, (int) (offset + length), (byte) 0);
    }

    /** Another size; new bytes are zeros. */
    public void resize(long size) {
        bytes = Arrays.copyOf(bytes, Math.toIntExact(size));
    }

    /** Demands that all of {@code device} reads as this. */
    public void check(BlockDevice device) {
        assertThat(read(device, 0, device.info().size())).isEqualTo(bytes);
    }

    /** Writes it to a raw file. */
    public Path toFile(Path file) {
        try {
            return Files.write(file, bytes);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Reads a range of a device. */
    public static byte[] read(BlockDevice device, long offset, long length) {
        MemorySegment buffer = Arena.ofAuto().allocate(Math.max(1, length)).asSlice(0, length);
        device.read(offset, buffer);
        return buffer.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    /** Bytes that follow from {@code seed}; some seeds give bytes that compress well. */
    public static byte[] pattern(long seed, int length) {
        var random = new Random(seed);
        byte[] data = new byte[length];
        if (seed % 3 == 0) {
            Arrays.fill(data, (byte) (1 + random.nextInt(255)));
        } else {
            random.nextBytes(data);
        }
        return data;
    }
}
