package dev.vz.net.gateway;

import org.jspecify.annotations.Nullable;

/** Something with a deadline, and its place in the {@link TimerWheel}. */
abstract class Timed {

    @Nullable
    Timed timerNext;
    @Nullable
    Timed timerPrevious;
    int timerSlot = -1;
    long deadline;

    /** The deadline has come; it is no longer set. */
    abstract void expired(long now);
}
