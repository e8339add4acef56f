package dev.vz.net.time;

/** A clock that never goes back. Any thread may ask. */
@FunctionalInterface
public interface NetClock {

    /** Nanoseconds since an arbitrary moment; only differences mean something. */
    long nanos();

    /** The host's monotonic clock. */
    static NetClock system() {
        return System::nanoTime;
    }
}
