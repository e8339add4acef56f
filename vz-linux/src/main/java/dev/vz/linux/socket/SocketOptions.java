package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.timeval;
import java.lang.foreign.MemorySegment;

/** Settings of any socket, by its descriptor. Any thread may call. */
public final class SocketOptions {

    private SocketOptions() {}

    /** Whether calls return {@code EAGAIN} instead of waiting, from now on. */
    public static void setNonBlocking(FileDescriptor socket, boolean nonBlocking) {
        int flags = Errno.check("fcntl F_GETFL", socket,
                FileCalls.fcntl(socket.value(), LinuxHeaders.F_GETFL(), 0));
        int changed = nonBlocking ? flags | LinuxHeaders.O_NONBLOCK() : flags & ~LinuxHeaders.O_NONBLOCK();
        Errno.check("fcntl F_SETFL", socket, FileCalls.fcntl(socket.value(), LinuxHeaders.F_SETFL(), changed));
    }

    /**
     * How long a blocking call may wait for the other side before it returns {@code EAGAIN}.
     *
     * @param milliseconds 0 for ever
     */
    public static void setTimeout(FileDescriptor socket, long milliseconds) {
        if (milliseconds < 0) {
            throw new ConfigurationException("A socket cannot wait for " + milliseconds + " ms");
        }
        MemorySegment time = CallState.current().scratch().asSlice(0, timeval.sizeof());
        timeval.tv_sec(time, milliseconds / 1000);
        timeval.tv_usec(time, milliseconds % 1000 * 1000);
        Errno.check("setsockopt SO_RCVTIMEO", socket, SocketCalls.setsockopt(socket.value(),
                LinuxHeaders.SOL_SOCKET(), LinuxHeaders.SO_RCVTIMEO(), time, (int) time.byteSize()));
        Errno.check("setsockopt SO_SNDTIMEO", socket, SocketCalls.setsockopt(socket.value(),
                LinuxHeaders.SOL_SOCKET(), LinuxHeaders.SO_SNDTIMEO(), time, (int) time.byteSize()));
    }
}
