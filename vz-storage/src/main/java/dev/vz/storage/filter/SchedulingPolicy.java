package dev.vz.storage.filter;

import org.jspecify.annotations.Nullable;

/** An order of requests. Under the scheduler's lock. */
interface SchedulingPolicy {

    /** One more waits. */
    void add(Scheduled request);

    /** The one to send now, with what is merged to it; {@code null} if none is to be sent. */
    @Nullable
    Scheduled next(long now);

    /** One that was sent is done. */
    void completed(Scheduled request, long now);

    /** A device goes away: its requests wait no longer than they must. */
    void release(Flow flow);
}
