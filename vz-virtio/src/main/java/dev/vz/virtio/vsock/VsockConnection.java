package dev.vz.virtio.vsock;

import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One stream between guest and host, from the host's side. Calls block, which is for virtual threads; any thread may call,
 * and one may read while another writes. Up to 64 KiB wait in each direction, whatever the other side does.
 */
public final class VsockConnection implements AutoCloseable {

    /** Bytes that wait to be read, and to be sent, at the most. */
    static final int BUFFER = 64 << 10;

    private final VsockDevice device;
    private final int guestPort;
    private final int hostPort;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ByteRing incoming = new ByteRing(BUFFER);
    private final ByteRing outgoing = new ByteRing(BUFFER);
    private boolean open;
    private boolean gone;
    private boolean guestSendsNoMore;
    private boolean guestReceivesNoMore;
    private boolean outputEnded;
    private boolean inputEnded;
    /** What the guest is to be told. */
    private int pendingOp;
    private boolean creditWanted;
    /** The flags of the last SHUTDOWN that was sent. */
    private int told;
    private int peerAlloc;
    private int peerForwarded;
    private int sent;
    private int forwarded;
    private int toldForwarded;
    /** Whether it stands in the device's line; changed under the line's lock. */
    boolean inLine;

    VsockConnection(VsockDevice device, int guestPort, int hostPort, boolean open) {
        this.device = device;
        this.guestPort = guestPort;
        this.hostPort = hostPort;
        this.open = open;
        pendingOp = open ? Packet.OP_RESPONSE : Packet.OP_REQUEST;
    }

    /** The guest's port. */
    public int guestPort() {
        return guestPort;
    }

    /** The host's port. */
    public int hostPort() {
        return hostPort;
    }

    /**
     * Reads up to {@code length} bytes, waiting for the first.
     *
     * @return how many; -1 after the guest's last byte
     * @throws IOException if the stream was cut off
     */
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        boolean tell;
        int taken;
        lock.lock();
        try {
            while (incoming.count() == 0) {
                if (guestSendsNoMore || inputEnded) {
                    return -1;
                }
                check();
                await();
            }
            taken = incoming.take(target, offset, length);
            forwarded += taken;
            // Told when half of the room is free again: less often is a stall, more often is noise (5.10.6.3).
            tell = forwarded - toldForwarded >= BUFFER / 2;
            creditWanted |= tell;
        } finally {
            lock.unlock();
        }
        if (tell) {
            device.attend(this);
        }
        return taken;
    }

    /**
     * Sends all of it, waiting while there is no room.
     *
     * @throws IOException if the guest does not receive any more, or the stream was cut off
     */
    public void write(byte[] source, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, source.length);
        int done = 0;
        while (done < length) {
            lock.lock();
            try {
                check();
                if (outputEnded || guestReceivesNoMore) {
                    throw new IOException(this + ": nothing can be sent any more");
                }
                int taken = outgoing.put(source, offset + done, length - done);
                done += taken;
                if (taken == 0) {
                    await();
                    continue;
                }
            } finally {
                lock.unlock();
            }
            device.attend(this);
        }
    }

    private void check() throws IOException {
        if (gone) {
            throw new IOException(this + " was cut off");
        }
    }

    /** Waits for a change; the callers, in loops, look at what changed. */
    @SuppressWarnings("WaitNotInLoop")
    private void await() throws IOException {
        try {
            changed.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException(this + ": the waiting thread was interrupted", interrupted);
        }
    }

    /** Waits until the guest has taken the stream; {@code false} if it refused, or does not answer in time. */
    boolean awaitOpen(long timeout, TimeUnit unit) throws IOException {
        long left = unit.toNanos(timeout);
        lock.lock();
        try {
            while (!open && !gone && left > 0) {
                left = changed.awaitNanos(left);
            }
            return open && !gone;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException(this + ": the waiting thread was interrupted", interrupted);
        } finally {
            lock.unlock();
        }
    }

    /** Sends nothing more: the guest reads what is on its way, then the end. Idempotent. */
    public void shutdownOutput() {
        lock.lock();
        try {
            outputEnded = true;
        } finally {
            lock.unlock();
        }
        device.attend(this);
    }

    /** Ends both directions; what was written before still reaches the guest. Idempotent. */
    @Override
    public void close() {
        lock.lock();
        try {
            outputEnded = true;
            inputEnded = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        device.attend(this);
    }

    /** The guest's bytes as a stream; closing it closes the connection. */
    public InputStream input() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                var one = new byte[1];
                return VsockConnection.this.read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                return length == 0 ? 0 : VsockConnection.this.read(target, offset, length);
            }

            @Override
            public void close() {
                VsockConnection.this.close();
            }
        };
    }

    /** Bytes to the guest as a stream; closing it ends this direction. */
    public OutputStream output() {
        return new OutputStream() {
            @Override
            public void write(int value) throws IOException {
                VsockConnection.this.write(new byte[] {(byte) value}, 0, 1);
            }

            @Override
            public void write(byte[] source, int offset, int length) throws IOException {
                VsockConnection.this.write(source, offset, length);
            }

            @Override
            public void close() {
                shutdownOutput();
            }
        };
    }

    // ----------------------------------------------------------------------------------------- for the queues

    /** Whether the host has given it up; the guest only has to agree. */
    boolean isClosing() {
        lock.lock();
        try {
            return outputEnded && inputEnded;
        } finally {
            lock.unlock();
        }
    }

    void end() {
        lock.lock();
        try {
            gone = true;
            guestSendsNoMore |= outputEnded && inputEnded;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void arrivedCredit(Packet packet) {
        lock.lock();
        try {
            peerAlloc = packet.bufAlloc();
            peerForwarded = packet.fwdCnt();
        } finally {
            lock.unlock();
        }
    }

    /** The guest says something; {@code false} if the stream must be cut off for it. */
    boolean arrived(Packet packet, ChainReader reader) {
        lock.lock();
        try {
            peerAlloc = packet.bufAlloc();
            peerForwarded = packet.fwdCnt();
            changed.signalAll();
            return switch (packet.op()) {
                case Packet.OP_RESPONSE -> respond();
                case Packet.OP_SHUTDOWN -> shutdown(packet.flags());
                case Packet.OP_RW -> data(packet, reader);
                case Packet.OP_CREDIT_UPDATE -> open;
                case Packet.OP_CREDIT_REQUEST -> {
                    creditWanted = true;
                    yield open;
                }
                default -> false;
            };
        } finally {
            lock.unlock();
        }
    }

    private boolean respond() {
        boolean expected = !open;
        open = true;
        return expected;
    }

    private boolean shutdown(int flags) {
        guestReceivesNoMore |= (flags & Packet.SHUTDOWN_RECEIVE) != 0;
        guestSendsNoMore |= (flags & Packet.SHUTDOWN_SEND) != 0;
        // Both: answered with a reset, which frees the port (5.10.6.6). The reader still gets what has come.
        return !guestReceivesNoMore || !guestSendsNoMore;
    }

    private boolean data(Packet packet, ChainReader reader) {
        // More than it was given credit for: not to be trusted with the rest either (5.10.6.3.2).
        if (!open || guestSendsNoMore || packet.len() > incoming.room() || packet.len() > reader.remaining()) {
            return false;
        }
        int length = (int) packet.len();
        if (inputEnded) {
            reader.skip(length);
            forwarded += length;
        } else {
            incoming.put(reader, length);
        }
        return true;
    }

    /** Whether there is something for the guest. */
    boolean hasWork() {
        lock.lock();
        try {
            return !gone && (pendingOp != 0 || creditWanted || open && outgoing.count() > 0 && credit() > 0
                    || isShutdownDue());
        } finally {
            lock.unlock();
        }
    }

    private int credit() {
        return Math.max(0, peerAlloc - (sent - peerForwarded));
    }

    private boolean isShutdownDue() {
        return open && outputEnded && outgoing.count() == 0 && told != ending();
    }

    private int ending() {
        return Packet.SHUTDOWN_SEND | (inputEnded ? Packet.SHUTDOWN_RECEIVE : 0);
    }

    /** Writes one packet for the guest; {@code false} if there is none. The writer has room for a header at least. */
    boolean write(Packet packet, ChainWriter writer, long guestCid) {
        lock.lock();
        try {
            int op;
            int length = 0;
            int flags = 0;
            if (gone) {
                return false;
            } else if (pendingOp != 0) {
                op = pendingOp;
                pendingOp = 0;
            } else if (open && outgoing.count() > 0 && credit() > 0 && writer.remaining() > Packet.HEADER) {
                op = Packet.OP_RW;
                length = (int) Math.min(Math.min(outgoing.count(), credit()), writer.remaining() - Packet.HEADER);
            } else if (isShutdownDue()) {
                op = Packet.OP_SHUTDOWN;
                flags = ending();
                told = flags;
            } else if (creditWanted) {
                op = Packet.OP_CREDIT_UPDATE;
            } else {
                return false;
            }
            creditWanted = false;
            toldForwarded = forwarded;
            writer.write(packet.fill(guestCid, hostPort, guestPort, length, op, flags, BUFFER, forwarded), 0,
                    Packet.HEADER);
            if (length > 0) {
                outgoing.take(writer, length);
                sent += length;
                changed.signalAll();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "vsock stream from host port " + Integer.toUnsignedString(hostPort) + " to guest port "
                + Integer.toUnsignedString(guestPort);
    }
}
