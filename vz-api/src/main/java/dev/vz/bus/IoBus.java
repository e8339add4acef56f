package dev.vz.bus;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * An address space of devices: the x86 ports, or memory-mapped I/O.
 *
 * <p>
 * Devices are attached to ranges that must not overlap. An access goes to the device whose range holds all of it; where
 * none does, a read gives all ones and a write is dropped, as on a PC. Dispatch allocates nothing and takes no lock;
 * attaching and detaching may happen at any time from any thread.
 */
public final class IoBus {

    private static final ThreadLocal<Nesting> NESTING = ThreadLocal.withInitial(Nesting::new);

    private final String name;
    /** Sorted by start, replaced as a whole; readers never lock. */
    private volatile Attachment[] attachments = {};

    /** An empty bus; {@code name} appears in error messages, for example {@code "port"} or {@code "mmio"}. */
    public IoBus(String name) {
        this.name = Objects.requireNonNull(name);
    }

    /** The name given at construction. */
    public String name() {
        return name;
    }

    /**
     * Puts {@code device} at {@code range}.
     *
     * @throws ConfigurationException if the range overlaps one that is attached; the message names both
     */
    public synchronized Attachment attach(AddressRange range, BusDevice device) {
        Objects.requireNonNull(device);
        for (Attachment other : attachments) {
            if (other.range.overlaps(range)) {
                throw new ConfigurationException("Cannot attach " + device + " at " + range + " of the " + name
                        + " bus: " + other.device + " is at " + other.range);
            }
        }
        var added = new Attachment(range, device);
        Attachment[] next = Arrays.copyOf(attachments, attachments.length + 1);
        next[next.length - 1] = added;
        Arrays.sort(next, (a, b) -> a.range.compareTo(b.range));
        attachments = next;
        return added;
    }

    private synchronized void remove(Attachment gone) {
        var next = new ArrayList<Attachment>(attachments.length);
        for (Attachment attachment : attachments) {
            if (attachment != gone) {
                next.add(attachment);
            }
        }
        attachments = next.toArray(Attachment[]::new);
    }

    /**
     * Reads {@code size} bytes (1 to 8) at {@code address}; all ones where no device answers.
     *
     * @return the value in the low {@code size} bytes, zero-extended
     */
    public long read(long address, int size) {
        long mask = -1L >>> (64 - 8 * size);
        Attachment attachment = find(address, size);
        if (attachment == null || !attachment.enter()) {
            return mask;
        }
        Nesting nesting = NESTING.get();
        nesting.push(attachment);
        try {
            return attachment.device.read(address - attachment.range.start(), size) & mask;
        } finally {
            nesting.pop();
            attachment.leave();
        }
    }

    /**
     * Writes the low {@code size} bytes (1 to 8) of {@code value} at {@code address}.
     *
     * @return whether a device took it
     */
    public boolean write(long address, int size, long value) {
        Attachment attachment = find(address, size);
        if (attachment == null || !attachment.enter()) {
            return false;
        }
        Nesting nesting = NESTING.get();
        nesting.push(attachment);
        try {
            attachment.device.write(address - attachment.range.start(), size, value & (-1L >>> (64 - 8 * size)));
            return true;
        } finally {
            nesting.pop();
            attachment.leave();
        }
    }

    /** The attachment that holds all of the access, if any. */
    public @Nullable Attachment find(long address, int size) {
        Attachment[] table = attachments;
        int low = 0;
        int high = table.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            AddressRange range = table[middle].range;
            if (Long.compareUnsigned(address, range.start()) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address, range.last()) > 0) {
                low = middle + 1;
            } else {
                return range.contains(address, size) ? table[middle] : null;
            }
        }
        return null;
    }

    /** What is attached now, by ascending address. */
    public List<Attachment> attachments() {
        return List.of(attachments);
    }

    @Override
    public String toString() {
        return name + " bus " + Arrays.toString(attachments);
    }

    /**
     * A device's place on a bus. Closing it takes the device off; see {@link #close()}.
     */
    public final class Attachment implements AutoCloseable {

        /** Accesses in flight; {@link #CLOSED} is set once and stays. */
        private final AtomicInteger accesses = new AtomicInteger();
        /** Those of them whose own thread is or was in {@link #close()}: another such thread must not wait for them. */
        private final AtomicInteger closing = new AtomicInteger();
        private final AddressRange range;
        private final BusDevice device;

        private static final int CLOSED = 1 << 31;

        private Attachment(AddressRange range, BusDevice device) {
            this.range = range;
            this.device = device;
        }

        /** Where the device is. */
        public AddressRange range() {
            return range;
        }

        /** The device. */
        public BusDevice device() {
            return device;
        }

        private boolean enter() {
            if (accesses.incrementAndGet() > 0) {
                return true;
            }
            leave();
            return false;
        }

        private void leave() {
            accesses.decrementAndGet();
        }

        /**
         * Takes the device off the bus and waits until no other thread is inside it.
         *
         * <p>
         * When this returns the device gets no further access and none is running. A device may detach itself while it
         * answers, even on several vCPUs at the same time: then the accesses that detach it are all that still run.
         * Idempotent; any thread.
         *
         * <p>
         * Two devices that detach each other while both answer would wait for each other for ever: a device detaches
         * other devices only from a thread of its own.
         *
         * @throws LifecycleException if the thread is interrupted while it waits; the device is off the bus by then, and
         *                            calling again waits again
         */
        @Override
        public void close() {
            remove(this);
            accesses.getAndUpdate(count -> count | CLOSED);
            int own = NESTING.get().count(this);
            closing.addAndGet(own);
            long pause = 1_000;
            while ((accesses.get() & ~CLOSED) > (own == 0 ? 0 : closing.get())) {
                if (Thread.currentThread().isInterrupted()) {
                    closing.addAndGet(-own);
                    throw new LifecycleException(
                            "Interrupted while waiting for accesses in flight to " + device + " at " + range);
                }
                LockSupport.parkNanos(pause);
                pause = Math.min(pause * 2, 1_000_000);
            }
            // Own accesses stay in "closing": they are over or about to end, and no other can begin any more.
        }

        @Override
        public String toString() {
            return range + " " + device;
        }
    }

    /** The devices this thread is inside of, innermost last: lets a device detach itself without waiting for itself. */
    private static final class Nesting {
        private Attachment[] stack = new Attachment[4];
        private int depth;

        void push(Attachment attachment) {
            if (depth == stack.length) {
                stack = Arrays.copyOf(stack, depth * 2);
            }
            stack[depth++] = attachment;
        }

        @SuppressWarnings("NullAway") // slots at and above depth are never read
        void pop() {
            stack[--depth] = null;
        }

        int count(Attachment attachment) {
            int count = 0;
            for (int i = 0; i < depth; i++) {
                if (stack[i] == attachment) {
                    count++;
                }
            }
            return count;
        }
    }
}
