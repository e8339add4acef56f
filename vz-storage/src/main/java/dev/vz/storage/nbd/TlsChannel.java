package dev.vz.storage.nbd;

import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;

/**
 * TLS over a socket. The handshake goes on within reads and writes. An error of the other side's is {@code -EPROTO}, and
 * {@link #failure()} says which. Reads and writes are synchronized, since both may have to send.
 */
final class TlsChannel implements Channel {

    /** Ciphertext that may wait to be sent before no more is taken. */
    private static final int WAITING = 256 * 1024;

    private final FileDescriptor descriptor;
    private final SSLEngine engine;
    /** Received ciphertext between position and limit. */
    private final MemorySegment incomingMemory;
    private final ByteBuffer incoming;
    /** Ciphertext to send from 0 to position; {@link #sent} of it is gone. */
    private final MemorySegment outgoingMemory;
    private final ByteBuffer outgoing;
    private int sent;
    /** Received plaintext between position and limit. */
    private final ByteBuffer plain;
    private String failure = "";

    TlsChannel(FileDescriptor descriptor, SSLEngine engine) {
        this.descriptor = descriptor;
        this.engine = engine;
        int packet = engine.getSession().getPacketBufferSize();
        incomingMemory = Arena.ofAuto().allocate(4L * packet);
        incoming = incomingMemory.asByteBuffer().limit(0);
        outgoingMemory = Arena.ofAuto().allocate(WAITING + 2L * packet);
        outgoing = outgoingMemory.asByteBuffer();
        plain = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize() + packet).limit(0);
    }

    @Override
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** What the other side did wrong, if a call returned {@code -EPROTO}. */
    String failure() {
        return failure;
    }

    @Override
    public synchronized long read(IoVectors vectors) {
        if (!plain.hasRemaining()) {
            long state = decrypt();
            if (state <= 0) {
                return state;
            }
        }
        long total = 0;
        for (int i = 0; i < vectors.count() && plain.hasRemaining(); i++) {
            MemorySegment piece = vectors.remaining(i);
            int length = (int) Math.min(piece.byteSize(), plain.remaining());
            MemorySegment.copy(MemorySegment.ofBuffer(plain), 0, piece, 0, length);
            plain.position(plain.position() + length);
            total += length;
        }
        return total;
    }

    /**
     * Shakes hands on a blocking socket: 1 when done, 0 if the stream ended, or errno negated. A server need not call it:
     * the client's first bytes begin the handshake.
     */
    synchronized long handshake() {
        try {
            engine.beginHandshake();
            while (isHandshaking()) {
                long state = step();
                if (state <= 0) {
                    return state;
                }
            }
            return 1;
        } catch (SSLException broken) {
            return failed(broken);
        }
    }

    private boolean isHandshaking() {
        HandshakeStatus status = engine.getHandshakeStatus();
        return status != HandshakeStatus.NOT_HANDSHAKING && status != HandshakeStatus.FINISHED;
    }

    /** Decrypts until there is plaintext: 1, 0 at the end of the stream, or errno negated. */
    private long decrypt() {
        try {
            while (!plain.hasRemaining()) {
                long state = step();
                if (state <= 0) {
                    return state;
                }
            }
            return 1;
        } catch (SSLException broken) {
            return failed(broken);
        }
    }

    /** Does what the engine needs next: 1 if that went on, 0 at the end of the stream, or errno negated. */
    private long step() throws SSLException {
        switch (engine.getHandshakeStatus()) {
            case NEED_TASK -> {
                runTasks();
                return 1;
            }
            case NEED_WRAP -> {
                long wrapped = wrapHandshake();
                return wrapped < 0 ? wrapped : 1;
            }
            default -> {
                return unwrap();
            }
        }
    }

    private long unwrap() throws SSLException {
        plain.clear();
        SSLEngineResult result;
        try {
            result = engine.unwrap(incoming, plain);
        } finally {
            plain.flip();
        }
        return switch (result.getStatus()) {
            case CLOSED -> plain.hasRemaining() ? 1 : 0;
            case BUFFER_UNDERFLOW -> Math.min(receive(), 1);
            case OK, BUFFER_OVERFLOW -> 1;
        };
    }

    private long failed(SSLException broken) {
        failure = String.valueOf(broken.getMessage());
        // The alert that says why goes out if there is room for it.
        try {
            engine.closeOutbound();
            while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP && wrapHandshake() == 0) {
                // each round wraps one record
            }
        } catch (SSLException alsoBroken) {
            broken.addSuppressed(alsoBroken);
        }
        return -Errno.EPROTO;
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private long receive() {
        incoming.compact();
        long result = FileIo.read(descriptor, incomingMemory, incoming.position(), incoming.remaining());
        if (result > 0) {
            incoming.position(incoming.position() + (int) result);
        }
        incoming.flip();
        return result;
    }

    private long wrapHandshake() throws SSLException {
        if (outgoing.remaining() < engine.getSession().getPacketBufferSize()) {
            return push() < 0 ? -Errno.EAGAIN : 0;
        }
        SSLEngineResult result = engine.wrap(ByteBuffer.allocate(0), outgoing);
        long pushed = push();
        if (pushed < 0 && pushed != -Errno.EAGAIN) {
            return pushed;
        }
        return result.getStatus() == SSLEngineResult.Status.CLOSED
                && engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP ? -Errno.EPIPE : 0;
    }

    @Override
    public synchronized long write(IoVectors vectors) {
        long total = 0;
        try {
            while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
                long wrapped = wrapHandshake();
                if (wrapped < 0) {
                    return wrapped;
                }
            }
            if (isHandshaking()) {
                return -Errno.EAGAIN; // reading drives the rest of the handshake
            }
            int packet = engine.getSession().getPacketBufferSize();
            for (int i = 0; i < vectors.count(); i++) {
                ByteBuffer source = vectors.remaining(i).asByteBuffer();
                while (source.hasRemaining()) {
                    if (outgoing.position() - sent > WAITING || outgoing.remaining() < packet) {
                        long pushed = push();
                        if (pushed < 0) {
                            return total > 0 ? total : pushed;
                        }
                    }
                    int before = source.position();
                    SSLEngineResult result = engine.wrap(source, outgoing);
                    if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
                        return -Errno.EPIPE;
                    }
                    total += source.position() - before;
                }
            }
        } catch (SSLException broken) {
            return failed(broken);
        }
        long pushed = push();
        return pushed < 0 && pushed != -Errno.EAGAIN ? pushed : total;
    }

    @Override
    public synchronized boolean buffered() {
        return plain.hasRemaining() || incoming.hasRemaining();
    }

    @Override
    public synchronized long push() {
        while (sent < outgoing.position()) {
            long result = FileIo.write(descriptor, outgoingMemory, sent, outgoing.position() - sent);
            if (result < 0) {
                return result;
            }
            sent += (int) result;
        }
        outgoing.clear();
        sent = 0;
        return 0;
    }

    @Override
    public synchronized void finish() {
        engine.closeOutbound();
        try {
            if (outgoing.remaining() >= engine.getSession().getPacketBufferSize()) {
                engine.wrap(ByteBuffer.allocate(0), outgoing);
                push();
            }
        } catch (SSLException broken) {
            failure = String.valueOf(broken.getMessage());
        }
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
