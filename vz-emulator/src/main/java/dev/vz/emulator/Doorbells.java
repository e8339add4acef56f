package dev.vz.emulator;

import dev.vz.error.ConfigurationException;
import dev.vz.irq.Doorbell;
import java.util.Arrays;
import java.util.OptionalInt;

/** The doorbells of a machine. Ringing takes no lock; registering and closing do. */
final class Doorbells {

    private volatile Bell[] ports = {};
    private volatile Bell[] mmio = {};

    private final class Bell implements Doorbell {
        private final Address address;
        private final Runnable listener;
        private boolean closed;

        Bell(Address address, Runnable listener) {
            this.address = address;
            this.listener = listener;
        }

        boolean hears(long at, int size, long value) {
            return address.range().start() == at && address.range().length() == size
                    && (address.match().isEmpty() || address.match().getAsLong() == value);
        }

        /** Under the bell's own lock, so that {@link #close} waits for a ring that is under way. */
        synchronized boolean ring() {
            if (closed) {
                return false;
            }
            listener.run();
            return true;
        }

        @Override
        public Address address() {
            return address;
        }

        @Override
        public OptionalInt eventFd() {
            return OptionalInt.empty();
        }

        @Override
        public void close() {
            remove(this);
            synchronized (this) {
                closed = true;
            }
        }
    }

    synchronized Doorbell register(Doorbell.Address address, Runnable listener) {
        Bell[] table = address.space() == Doorbell.Space.PORT ? ports : mmio;
        for (Bell bell : table) {
            if (bell.address.equals(address)) {
                throw new ConfigurationException("There is a doorbell at " + address + " already; close it first");
            }
        }
        var added = new Bell(address, listener);
        Bell[] next = Arrays.copyOf(table, table.length + 1);
        next[table.length] = added;
        put(address.space(), next);
        return added;
    }

    private synchronized void remove(Bell gone) {
        Bell[] table = gone.address.space() == Doorbell.Space.PORT ? ports : mmio;
        put(gone.address.space(), Arrays.stream(table).filter(bell -> bell != gone).toArray(Bell[]::new));
    }

    private void put(Doorbell.Space space, Bell[] table) {
        if (space == Doorbell.Space.PORT) {
            ports = table;
        } else {
            mmio = table;
        }
    }

    /** Rings the bell for a port write. Returns whether there is one. */
    boolean ringPort(int port, int size, long value) {
        return ring(ports, port, size, value);
    }

    /** Rings the bell for a write to memory-mapped registers. Returns whether there is one. */
    boolean ringMmio(long gpa, int size, long value) {
        return ring(mmio, gpa, size, value);
    }

    private static boolean ring(Bell[] table, long at, int size, long value) {
        for (Bell bell : table) {
            if (bell.hears(at, size, value)) {
                return bell.ring();
            }
        }
        return false;
    }
}
