package dev.vz.pci;

import dev.vz.bus.BusDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.state.Stateful;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The MSI-X table and pending bit array of a function (PCI Local Bus Specification 3.0, 6.8.2).
 *
 * <p>
 * The table is 16 bytes a vector: address low, address high, data, control (bit 0 masks). The pending bits are an array of
 * 64-bit words beside it. Triggering a masked vector sets its pending bit; unmasking it sends the message. Thread-safe.
 *
 * <p>
 * The message of a vector is prepared with the sink when it is first sent, and again when it is sent after the guest has
 * rewritten it, so that a rewrite in three writes never shows a half-written message. A message that the sink cannot
 * prepare (the guest chose nonsense, or the host is out of descriptors) is sent with {@link MsiSink#signal} each time
 * instead; nothing that the guest writes throws. {@link #reset} gives back what was prepared; a function calls it when it
 * is closed.
 */
public final class MsixTable implements Stateful<MsixState> {

    /** The most vectors a function can have. */
    public static final int MAX_VECTORS = 2048;
    private static final int ENTRY = 16;

    private final int vectors;
    private final MsiSink sink;
    private final int[] words;
    private final long[] pending;
    private final MsiSink.@Nullable Vector[] prepared;
    /** How the prepared vector stands to the words of its entry. */
    private final Preparation[] preparation;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean enabled;
    private boolean functionMask;

    private enum Preparation {
        /** It says what the entry says. */
        CURRENT,
        /** The entry was rewritten since, or nothing was prepared yet. */
        STALE,
        /** The sink would not prepare what the entry says. */
        REFUSED
    }

    /** A table of {@code vectors} masked entries that sends through {@code sink}. */
    public MsixTable(int vectors, MsiSink sink) {
        if (vectors < 1 || vectors > MAX_VECTORS) {
            throw new ConfigurationException("An MSI-X table has 1 to 2048 vectors, got " + vectors);
        }
        this.vectors = vectors;
        this.sink = sink;
        this.words = new int[vectors * 4];
        this.pending = new long[(vectors + 63) / 64];
        this.prepared = new MsiSink.Vector[vectors];
        this.preparation = new Preparation[vectors];
        reset();
    }

    /** Number of vectors. */
    public int vectors() {
        return vectors;
    }

    /** Bytes of the table. */
    public int tableSize() {
        return vectors * ENTRY;
    }

    /** Bytes of the pending bit array. */
    public int pendingSize() {
        return pending.length * 8;
    }

    /** All entries masked and empty, nothing pending, disabled. */
    public void reset() {
        lock.lock();
        try {
            for (int i = 0; i < vectors; i++) {
                words[4 * i] = 0;
                words[4 * i + 1] = 0;
                words[4 * i + 2] = 0;
                words[4 * i + 3] = 1;
                release(i);
            }
            Arrays.fill(pending, 0);
            enabled = false;
            functionMask = false;
        } finally {
            lock.unlock();
        }
    }

    private void release(int vector) {
        preparation[vector] = Preparation.STALE;
        MsiSink.Vector old = prepared[vector];
        if (old != null) {
            prepared[vector] = null;
            old.close();
        }
    }

    /** The function's message control register changed: bit 15 enables, bit 14 masks all vectors. */
    public void control(boolean enabled, boolean functionMask) {
        lock.lock();
        try {
            this.enabled = enabled;
            this.functionMask = functionMask;
            for (int i = 0; i < vectors; i++) {
                sendIfPending(i);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether the guest has enabled MSI-X; while not, the function uses its interrupt pin. */
    public boolean isEnabled() {
        lock.lock();
        try {
            return enabled;
        } finally {
            lock.unlock();
        }
    }

    /** Sends the message of {@code vector}, or remembers it while masked. A vector outside the table is ignored. */
    public void trigger(int vector) {
        if (vector < 0 || vector >= vectors) {
            return;
        }
        lock.lock();
        try {
            if (!enabled) {
                return;
            }
            if (isMasked(vector)) {
                pending[vector >>> 6] |= 1L << vector;
            } else {
                send(vector);
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean isMasked(int vector) {
        return functionMask || (words[4 * vector + 3] & 1) != 0;
    }

    private void send(int vector) {
        if (preparation[vector] == Preparation.STALE) {
            preparation[vector] = prepare(vector);
        }
        MsiSink.Vector ready = prepared[vector];
        if (ready != null && preparation[vector] == Preparation.CURRENT) {
            ready.trigger();
        } else {
            sink.signal(message(vector));
        }
    }

    private Preparation prepare(int vector) {
        MsiSink.Vector ready = prepared[vector];
        try {
            if (ready != null) {
                ready.update(message(vector));
            } else {
                prepared[vector] = sink.vector(message(vector));
            }
            return Preparation.CURRENT;
        } catch (VzException refused) {
            // The way that needs no preparation still works; it also answers whether any CPU takes the message.
            return Preparation.REFUSED;
        }
    }

    private Msi message(int vector) {
        return new Msi(words[4 * vector] & 0xFFFF_FFFCL | (long) words[4 * vector + 1] << 32, words[4 * vector + 2]);
    }

    private void sendIfPending(int vector) {
        long bit = 1L << vector;
        if (enabled && (pending[vector >>> 6] & bit) != 0 && !isMasked(vector)) {
            pending[vector >>> 6] &= ~bit;
            send(vector);
        }
    }

    @Override
    public Class<MsixState> stateType() {
        return MsixState.class;
    }

    @Override
    public MsixState save() {
        lock.lock();
        try {
            return new MsixState(Arrays.stream(words).boxed().toList(), Arrays.stream(pending).boxed().toList(),
                    enabled, functionMask);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Puts {@code state} back. A vector that was pending and is not masked any more is sent at once.
     *
     * @throws FormatException if it is not of as many vectors
     */
    @Override
    public void restore(MsixState state) {
        if (state.entries().size() != words.length || state.pending().size() != pending.length) {
            throw new FormatException("The saved state of an MSI-X table has " + state.entries().size() / 4
                    + " vectors, the table " + vectors);
        }
        lock.lock();
        try {
            reset();
            for (int i = 0; i < words.length; i++) {
                // Reserved bits of the control word do not exist here.
                words[i] = i % 4 == 3 ? state.entries().get(i) & 1 : state.entries().get(i);
            }
            for (int i = 0; i < pending.length; i++) {
                long known = vectors - 64L * i >= 64 ? -1L : (1L << vectors - 64 * i) - 1;
                pending[i] = state.pending().get(i) & known;
            }
            control(state.enabled(), state.functionMask());
        } finally {
            lock.unlock();
        }
    }

    /** What answers in the BAR where the table is. */
    public BusDevice table() {
        return new Table();
    }

    /** What answers in the BAR where the pending bits are. */
    public BusDevice pendingBits() {
        return new PendingBits();
    }

    private final class Table implements BusDevice {
        @Override
        public long read(long offset, int size) {
            lock.lock();
            try {
                // Only aligned 4- and 8-byte accesses are defined (6.8.2); anything else reads as zeros.
                if (size == 4 && offset % 4 == 0 && offset + 4 <= tableSize()) {
                    return words[(int) (offset / 4)] & 0xFFFF_FFFFL;
                }
                if (size == 8 && offset % 8 == 0 && offset + 8 <= tableSize()) {
                    int at = (int) (offset / 4);
                    return words[at] & 0xFFFF_FFFFL | (long) words[at + 1] << 32;
                }
                return 0;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            lock.lock();
            try {
                if (size == 4 && offset % 4 == 0 && offset + 4 <= tableSize()) {
                    word((int) (offset / 4), (int) value);
                } else if (size == 8 && offset % 8 == 0 && offset + 8 <= tableSize()) {
                    word((int) (offset / 4), (int) value);
                    word((int) (offset / 4) + 1, (int) (value >>> 32));
                }
            } finally {
                lock.unlock();
            }
        }

        private void word(int at, int value) {
            int vector = at / 4;
            if (at % 4 == 3) {
                words[at] = value & 1;
                sendIfPending(vector);
                return;
            }
            words[at] = value;
            preparation[vector] = Preparation.STALE;
        }
    }

    private final class PendingBits implements BusDevice {
        @Override
        public long read(long offset, int size) {
            lock.lock();
            try {
                // As for the table, only aligned 4- and 8-byte accesses are defined (6.8.2).
                if (size != 4 && size != 8 || offset % size != 0 || offset + size > pendingSize()) {
                    return 0;
                }
                long word = pending[(int) (offset / 8)];
                return size == 8 ? word : word >>> 8 * (offset % 8) & 0xFFFF_FFFFL;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            // Read-only to the guest (6.8.2.10).
        }
    }
}
