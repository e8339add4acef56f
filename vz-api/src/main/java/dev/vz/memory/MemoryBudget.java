package dev.vz.memory;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A number of bytes that several machines share.
 *
 * <p>
 * Every machine holds a {@link Reservation} and grows or shrinks it: once, for memory that is fixed, or as a balloon
 * moves, for memory that is dynamic. The sum never passes the limit. Thread-safe, without locks.
 */
public final class MemoryBudget {

    private final String name;
    private final long limit;
    private final AtomicLong reserved = new AtomicLong();

    /**
     * A budget of {@code limit} bytes.
     *
     * @param name appears in errors
     */
    public MemoryBudget(String name, long limit) {
        if (limit <= 0) {
            throw new ConfigurationException("Memory budget \"" + name + "\" must be positive, got " + limit);
        }
        this.name = name;
        this.limit = limit;
    }

    /** The most bytes that can be reserved at a time. */
    public long limit() {
        return limit;
    }

    /** Bytes reserved now. */
    public long reserved() {
        return reserved.get();
    }

    /** Bytes that could be reserved now. */
    public long available() {
        return limit - reserved.get();
    }

    /**
     * Takes {@code bytes} for {@code owner}.
     *
     * @throws CapabilityException if that many are not left; nothing is taken then
     */
    public Reservation reserve(String owner, long bytes) {
        var reservation = new Reservation(owner);
        reservation.resize(bytes);
        return reservation;
    }

    private boolean take(long bytes) {
        while (true) {
            long now = reserved.get();
            if (bytes > limit - now) {
                return false;
            }
            if (reserved.compareAndSet(now, now + bytes)) {
                return true;
            }
        }
    }

    /** One machine's part of a budget; closing gives it back. Thread-safe. */
    public final class Reservation implements AutoCloseable {
        private final String owner;
        private long held;
        private boolean closed;

        private Reservation(String owner) {
            this.owner = owner;
        }

        /** Bytes held now. */
        public synchronized long bytes() {
            return held;
        }

        /**
         * Holds {@code bytes} from now on, if the budget allows.
         *
         * @return whether it does; if not, what was held is still held
         */
        public synchronized boolean tryResize(long bytes) {
            if (bytes < 0) {
                throw new ConfigurationException("Cannot reserve " + bytes + " bytes of budget \"" + name + "\"");
            }
            if (closed) {
                throw new LifecycleException("The reservation of " + owner + " in budget \"" + name + "\" is closed");
            }
            if (!take(bytes - held)) {
                return false;
            }
            held = bytes;
            return true;
        }

        /** Like {@link #tryResize}, but throws {@link CapabilityException} where the budget does not allow it. */
        public void resize(long bytes) {
            if (!tryResize(bytes)) {
                throw new CapabilityException("Memory budget \"" + name + "\" of " + limit + " bytes has "
                        + available() + " left; " + owner + " asked for " + bytes
                        + ". Stop a machine, deflate less, or raise the limit.");
            }
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                reserved.addAndGet(-held);
                held = 0;
            }
        }
    }
}
