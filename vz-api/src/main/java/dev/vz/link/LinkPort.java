package dev.vz.link;

import org.jspecify.annotations.Nullable;

/**
 * One end of an Ethernet link: a TAP, a socket, a switch's port, a guest's network card.
 *
 * <p>
 * Frames given to {@link #send} leave through the port; frames that arrive on it are given to the sink that was set with
 * {@link #receive}. A port may be sent to from several threads only if it says so; by default the sender is one thread,
 * and so is the one that calls the sink.
 */
public interface LinkPort extends AutoCloseable {

    /** A name for people, for example {@code "tap0"}. */
    String name();

    /** What it accepts in {@link #send}. May shrink or grow when the other end negotiates; ask again for each batch. */
    LinkFeatures features();

    /**
     * Sends the first frames of {@code batch}, as many as there is room for; see {@link FrameSink#accept} for the rules.
     *
     * @return how many frames were taken; 0 once closed
     */
    int send(FrameBatch batch);

    /** Gives every arriving frame to {@code sink} from now on; {@code null} drops them. */
    void receive(@Nullable FrameSink sink);

    /** Whether the other end is there. */
    boolean isUp();

    /** Runs {@code listener} when there is room again after {@link #send} took fewer than it was given, or the link went up or down. */
    void onChange(@Nullable Runnable listener);

    /** Stops both ways and releases everything; the sink is not called once this returns. Idempotent. */
    @Override
    void close();
}
