package dev.vz.net.gateway;

import dev.vz.linux.Errno;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import java.lang.foreign.MemorySegment;

/**
 * The host's end of a stream whose receive queue holds what the guest has not acknowledged: read by peeking, at any offset,
 * and taken off once it is acknowledged. So nothing of it is kept in this process.
 */
final class HostStream {

    /** How many bytes may be unacknowledged where the kernel cannot peek at an offset: they are copied for each peek. */
    static final int WASTE = 1 << 18;

    private final InternetSocket socket;
    private final MemorySegment waste;
    private final boolean offsets;
    /** Where the kernel peeks next; -1 as long as it always peeks at the first byte. */
    private long kernelOffset = -1;

    /** What kinds of sockets can be peeked at an offset: asked with the first of each kind, as it is a system call. */
    static final class Peeking {
        private static final int KINDS = 3;
        private final boolean[] asked = new boolean[KINDS];
        private final boolean[] offsets = new boolean[KINDS];

        boolean hasOffsets(InternetSocket socket) {
            int kind = socket.protocol() == InternetSocket.Protocol.LOCAL ? 0 : socket.isVersion6() ? 1 : 2;
            if (!asked[kind]) {
                asked[kind] = true;
                offsets[kind] = socket.setOption(InternetOption.PEEK_OFFSET, 0) == 0
                        && socket.setOption(InternetOption.PEEK_OFFSET, -1) == 0;
            }
            return offsets[kind];
        }
    }

    HostStream(InternetSocket socket, MemorySegment waste, Peeking peeking) {
        this.socket = socket;
        this.waste = waste;
        offsets = peeking.hasOffsets(socket);
    }

    InternetSocket socket() {
        return socket;
    }

    /** How much may be in flight. */
    int flightLimit() {
        return offsets ? Integer.MAX_VALUE : WASTE;
    }

    /**
     * Reads what lies {@code offset} bytes into the queue.
     *
     * @param ended whether the other side is known to have closed
     * @return bytes read, 0 at the end of the stream, or errno negated
     */
    long peek(long offset, MemorySegment buffer, long at, int length, boolean ended) {
        if (offsets) {
            if (kernelOffset != offset && (kernelOffset >= 0 || offset > 0)) {
                int result = socket.setOption(InternetOption.PEEK_OFFSET, (int) offset);
                if (result < 0) {
                    return result;
                }
                kernelOffset = offset;
            }
            long result = socket.peek(buffer, at, length);
            if (result > 0 && kernelOffset >= 0) {
                kernelOffset += result;
            }
            return result;
        }
        if (offset == 0) {
            return socket.peek(buffer, at, length);
        }
        long result = socket.peekBehind(waste, Math.min(offset, WASTE), buffer, at, length);
        return result == -Errno.EAGAIN && ended ? 0 : result;
    }

    /** Takes the first {@code count} bytes off the queue: 0, or errno negated. */
    int discard(long count) {
        long left = count;
        while (left > 0) {
            long result = socket.protocol() == InternetSocket.Protocol.LOCAL
                    ? socket.receive(waste, 0, Math.min(left, WASTE))
                    : socket.discard(left);
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result <= 0) {
                return result == 0 ? -Errno.EIO : (int) result;
            }
            left -= result;
            if (kernelOffset >= 0) {
                kernelOffset = Math.max(0, kernelOffset - result);
            }
        }
        return 0;
    }
}
