package dev.vz.storage.nbd;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.IoVectors;

/**
 * A connection's bytes, in the clear or through TLS, on a blocking or non-blocking socket. One thread at a time reads and
 * one writes.
 */
interface Channel extends AutoCloseable {

    /** What to wait for. */
    FileDescriptor descriptor();

    /** Fills vectors from the front: bytes, 0 at the end of the stream, or errno negated. The vectors do not advance. */
    long read(IoVectors vectors);

    /** Takes bytes from the front of vectors: how many, or errno negated. The vectors do not advance. */
    long write(IoVectors vectors);

    /** Whether {@link #read} has bytes that the socket's readiness does not tell of. */
    boolean buffered();

    /** Sends what {@link #write} has taken and kept: 0 when nothing is left, {@code -EAGAIN} if some is, or an error. */
    long push();

    /** Says the end to the other side where the channel has a way to, without waiting. */
    void finish();

    /** Closes the socket. Idempotent. */
    @Override
    void close();

    /** A socket as it is. */
    record Plain(FileDescriptor descriptor) implements Channel {
        @Override
        public long read(IoVectors vectors) {
            return FileIo.readv(descriptor, vectors);
        }

        @Override
        public long write(IoVectors vectors) {
            return FileIo.writev(descriptor, vectors);
        }

        @Override
        public boolean buffered() {
            return false;
        }

        @Override
        public long push() {
            return 0;
        }

        @Override
        public void finish() {
            // Closing says it.
        }

        @Override
        public void close() {
            descriptor.close();
        }
    }
}
