package dev.vz.linux.event;

/**
 * What a descriptor can be waited for and be ready for: the bits of epoll(7), most of which poll(2) shares.
 */
public final class Readiness {

    /** There is something to read, or a connection to accept. */
    public static final int IN = 0x001;
    /** Urgent data. */
    public static final int PRIORITY = 0x002;
    /** There is room to write. */
    public static final int OUT = 0x004;
    /** An error is pending. Always reported, need not be asked for. */
    public static final int ERROR = 0x008;
    /** The other side has closed. Always reported, need not be asked for. */
    public static final int HANG_UP = 0x010;
    /** poll(2) only: the number is no open descriptor. */
    public static final int INVALID = 0x020;
    /** The other side of a stream has shut down its writing half. */
    public static final int READ_HANG_UP = 0x2000;

    /** epoll only: wake one of several epolls that wait for the same descriptor. */
    public static final int EXCLUSIVE = 1 << 28;
    /** epoll only: report once, then wait for {@link EpollLoop.Registration#rearm}. */
    public static final int ONE_SHOT = 1 << 30;
    /** epoll only: report changes instead of states, so whoever is told reads until {@code EAGAIN}. */
    public static final int EDGE = 1 << 31;

    private Readiness() {}
}
