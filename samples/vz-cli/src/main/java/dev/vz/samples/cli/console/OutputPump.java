package dev.vz.samples.cli.console;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Carries bytes to a stream on a thread of its own: whoever gives one byte neither waits nor pays for a write, and a
 * burst becomes one write.
 *
 * <p>
 * Holds about 64 KiB. A writer asks {@link #ready()} first and, if it says no, keeps its bytes until {@code onRoom}: so a
 * guest cannot fill the host's memory, and a slow reader slows the guest down. If the stream breaks, what follows is
 * dropped and {@code onBroken} is called once. One writer at a time; any thread may close.
 */
public final class OutputPump implements AutoCloseable {

    /** What may be written after one {@link #ready()} that said yes, in bytes. */
    public static final int SLACK = 256;

    private static final int CAPACITY = 1 << 16;

    private final OutputStream target;
    private final Runnable onRoom;
    private final Consumer<IOException> onBroken;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private byte[] filling = new byte[CAPACITY + SLACK];
    private byte[] writing = new byte[CAPACITY + SLACK];
    private int filled;
    private boolean refused;
    private boolean closed;
    private boolean broken;

    /**
     * Starts to carry.
     *
     * @param target   not closed by this
     * @param name     of the thread
     * @param onRoom   called on that thread when there is room again after {@link #ready()} said no
     * @param onBroken called on that thread when the stream fails, for example because its reader is gone
     */
    public OutputPump(OutputStream target, String name, Runnable onRoom, Consumer<IOException> onBroken) {
        this.target = target;
        this.onRoom = onRoom;
        this.onBroken = onBroken;
        thread = Thread.ofPlatform().daemon().name(name).start(this::carry);
    }

    /** Whether up to {@value #SLACK} bytes may be written now. */
    public boolean ready() {
        lock.lock();
        try {
            refused = filled >= CAPACITY && !ended();
            return !refused;
        } finally {
            lock.unlock();
        }
    }

    /** Takes one byte, after {@link #ready()}; drops it if the stream broke or this is closed. Does not wait. */
    public void write(byte value) {
        lock.lock();
        try {
            if (!ended()) {
                filling[filled++] = value;
                if (filled == 1) {
                    changed.signalAll();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean ended() {
        return closed || broken;
    }

    private void carry() {
        while (true) {
            int length = take();
            if (length == 0) {
                return;
            }
            try {
                target.write(writing, 0, length);
                target.flush();
            } catch (IOException failure) {
                dropAll();
                onBroken.accept(failure);
                onRoom.run();
                return;
            }
        }
    }

    /** Swaps the buffers; the number of bytes to write, 0 at the end. */
    private int take() {
        int length;
        boolean room;
        lock.lock();
        try {
            while (filled == 0 && !closed) {
                changed.awaitUninterruptibly();
            }
            byte[] full = filling;
            filling = writing;
            writing = full;
            length = filled;
            filled = 0;
            room = refused;
            refused = false;
        } finally {
            lock.unlock();
        }
        if (room) {
            // Without our lock: the writer holds its own when it calls us.
            onRoom.run();
        }
        return length;
    }

    private void dropAll() {
        lock.lock();
        try {
            broken = true;
            filled = 0;
        } finally {
            lock.unlock();
        }
    }

    /** Takes no more, and waits until all that was taken is written. Idempotent. */
    @Override
    public void close() {
        close(Duration.ofDays(1));
    }

    /** The same, but gives up after {@code limit}: for an end that must come even if nobody reads. */
    public void close(Duration limit) {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (Thread.currentThread() == thread) {
            return;
        }
        try {
            TimeUnit.NANOSECONDS.timedJoin(thread, limit.toNanos());
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
        }
    }
}
