package dev.vz.machine.boot;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;

/** Something to boot from: a file, read again at each reset, or bytes in memory. */
public sealed interface BootFile {

    /** A file of the host. */
    static BootFile of(Path path) {
        return new OfPath(path);
    }

    /** Bytes; {@code name} appears in messages. The array must not change any more. */
    static BootFile of(String name, byte[] bytes) {
        return new OfBytes(name, bytes);
    }

    /** How messages call it. */
    String name();

    /**
     * Its size in bytes.
     *
     * @throws HostException          if the host does not let it be looked at
     * @throws ConfigurationException if it is not there, or is no regular file
     */
    long size();

    /**
     * All of it.
     *
     * @param limit the most bytes that make sense
     * @throws ConfigurationException if it has more
     */
    byte[] read(long limit);

    /** Copies all {@code size} bytes to {@code gpa}; {@code size} is what {@link #size()} said. */
    void copyTo(GuestMemory memory, long gpa, long size);

    /**
     * A file of the host.
     *
     * @param path where it is
     */
    record OfPath(Path path) implements BootFile {

        @Override
        public String name() {
            return path.toString();
        }

        @Override
        public long size() {
            try {
                if (!Files.isRegularFile(path) && Files.exists(path)) {
                    throw new ConfigurationException("Cannot boot from " + path + ": it is not a regular file");
                }
                return Files.size(path);
            } catch (NoSuchFileException missing) {
                throw new ConfigurationException("Cannot boot from " + path + ": there is no such file", missing);
            } catch (IOException failure) {
                throw new HostException("read", path.toString(), failure);
            }
        }

        @Override
        public byte[] read(long limit) {
            long size = size();
            checkSize(name(), size, limit);
            var bytes = new byte[(int) size];
            transfer(MemorySegment.ofArray(bytes), 0);
            return bytes;
        }

        @Override
        public void copyTo(GuestMemory memory, long gpa, long size) {
            long done = 0;
            for (MemorySegment part : memory.slices(gpa, size)) {
                transfer(part, done);
                done += part.byteSize();
            }
            memory.markDirty(gpa, size);
        }

        /** Reads {@code target.byteSize()} bytes from {@code position} of the file. */
        private void transfer(MemorySegment target, long position) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                long done = 0;
                while (done < target.byteSize()) {
                    // A byte buffer spans at most 2 GiB.
                    long chunk = Math.min(target.byteSize() - done, 1 << 30);
                    ByteBuffer buffer = target.asSlice(done, chunk).asByteBuffer();
                    int got = channel.read(buffer, position + done);
                    if (got < 0) {
                        throw new FormatException("Cannot read " + path + ": it ended at byte " + (position + done)
                                + " although it had " + (position + target.byteSize())
                                + " bytes a moment ago; is somebody writing it?");
                    }
                    done += got;
                }
            } catch (IOException failure) {
                throw new HostException("read", path.toString(), failure);
            }
        }
    }

    /**
     * Bytes in memory.
     *
     * @param name  for messages
     * @param bytes the content, shared and not copied
     */
    record OfBytes(String name, byte[] bytes) implements BootFile {

        /** Nothing may be missing. */
        public OfBytes {
            Objects.requireNonNull(name);
            Objects.requireNonNull(bytes);
        }

        @Override
        public long size() {
            return bytes.length;
        }

        @Override
        public byte[] read(long limit) {
            checkSize(name, bytes.length, limit);
            return bytes;
        }

        @Override
        public void copyTo(GuestMemory memory, long gpa, long size) {
            memory.write(gpa, bytes);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof OfBytes o && name.equals(o.name) && java.util.Arrays.equals(bytes, o.bytes);
        }

        @Override
        public int hashCode() {
            return name.hashCode() * 31 + bytes.length;
        }

        @Override
        public String toString() {
            return name + " (" + bytes.length + " bytes)";
        }
    }

    private static void checkSize(String name, long size, long limit) {
        if (size > limit || size > Integer.MAX_VALUE - 8) {
            throw new ConfigurationException("Cannot load " + name + ": it has " + size
                    + " bytes, more than the " + limit + " that the guest's memory leaves for it; give the guest more "
                    + "memory");
        }
    }
}
