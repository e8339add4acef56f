package dev.vz.virtio.vhost;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.PollSet;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.virtio.queue.QueueLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A front end's connection to its back end: requests of the vhost-user protocol and their answers. Used by one thread at a
 * time, under the device's lock. A back end that does not answer is given up after ten seconds.
 */
final class BackEndLink implements AutoCloseable {

    private static final long ANSWER_NANOS = 10_000_000_000L;
    /** Bytes of the message about what is in flight; the last four are padding that some ask for. */
    private static final int INFLIGHT = 24;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final UnixAddress address;
    private final UnixSocket socket;
    private final MessageChannel channel;
    private final PollSet answers = new PollSet(1);
    private final long features;
    private final long protocol;

    /** Connects, and agrees on what is spoken. */
    BackEndLink(UnixAddress address) {
        this.address = address;
        socket = UnixSocket.connect(address, SocketType.STREAM, false);
        channel = new MessageChannel(socket);
        try {
            answers.add(socket.descriptor(), Readiness.IN);
            features = ask(Protocol.GET_FEATURES);
            if ((features & Protocol.PROTOCOL_FEATURES) != 0) {
                protocol = ask(Protocol.GET_PROTOCOL_FEATURES)
                        & (Protocol.PROTOCOL_MQ | Protocol.PROTOCOL_REPLY_ACK | Protocol.PROTOCOL_CONFIG
                                | Protocol.PROTOCOL_INFLIGHT_SHMFD);
                send(Protocol.SET_PROTOCOL_FEATURES, protocol);
            } else {
                protocol = 0;
            }
            empty(Protocol.SET_OWNER);
        } catch (RuntimeException | Error failure) {
            channel.close();
            throw failure;
        }
    }

    /** What the back end offers, without the bit for the protocol's own features. */
    long features() {
        return features & ~Protocol.PROTOCOL_FEATURES;
    }

    /** How many queues, or pairs of them, it has at the most; 1 if it does not say. */
    int queueNumber() {
        return (protocol & Protocol.PROTOCOL_MQ) == 0 ? 1 : Math.clamp(ask(Protocol.GET_QUEUE_NUM), 1, 1024);
    }

    boolean hasConfig() {
        return (protocol & Protocol.PROTOCOL_CONFIG) != 0;
    }

    /** Whether it notes what is in flight where another back end can find it. */
    boolean notesInflight() {
        return (protocol & Protocol.PROTOCOL_INFLIGHT_SHMFD) != 0;
    }

    FileDescriptor descriptor() {
        return socket.descriptor();
    }

    // ---------------------------------------------------------------------------------------------- requests

    private void empty(int request) {
        channel.send(request, Protocol.FLAG_VERSION, 0);
    }

    private void send(int request, long value, FileDescriptor... descriptors) {
        channel.reply().set(LONG, 0, value);
        channel.send(request, Protocol.FLAG_VERSION, 8, descriptors);
    }

    private void state(int request, int index, int number) {
        send(request, index | (long) number << 32);
    }

    private long ask(int request) {
        empty(request);
        await(request);
        channel.require(8);
        return channel.longAt(0);
    }

    /** Waits for the answer to {@code request}. */
    private void await(int request) {
        long end = System.nanoTime() + ANSWER_NANOS;
        boolean ready = false;
        // A signal ends the waiting early.
        for (long left = ANSWER_NANOS; !ready && left > 0; left = end - System.nanoTime()) {
            ready = answers.poll(left) > 0;
        }
        if (!ready) {
            throw new HostException("waiting for the answer to " + Protocol.name(request), "vhost-user back end "
                    + address, 110, "ETIMEDOUT", "it hangs; end it and start it again");
        }
        if (!channel.receive()) {
            throw new HostException("waiting for the answer to " + Protocol.name(request), "vhost-user back end "
                    + address, 104, "ECONNRESET", "it has hung up; its own log says why");
        }
        if (channel.request() != request || (channel.flags() & Protocol.FLAG_REPLY) == 0) {
            throw new FormatException("The vhost-user back end " + address + " answers " + Protocol.name(request)
                    + " with " + Protocol.name(channel.request()) + ", flags 0x"
                    + Integer.toHexString(channel.flags()));
        }
    }

    /** Sends the payload that the channel's reply holds, and has it acknowledged where the back end can. */
    private void sendAcknowledged(int request, int size, FileDescriptor... descriptors) {
        boolean acknowledged = (protocol & Protocol.PROTOCOL_REPLY_ACK) != 0;
        channel.send(request, Protocol.FLAG_VERSION | (acknowledged ? Protocol.FLAG_NEED_REPLY : 0), size,
                descriptors);
        if (acknowledged) {
            await(request);
            channel.require(8);
            if (channel.longAt(0) != 0) {
                throw new HostException(Protocol.name(request), "vhost-user back end " + address, 22, "EINVAL",
                        "it refuses; its own log says why");
            }
        }
    }

    /** The first {@code size} bytes, up to 256, of the configuration space. */
    byte[] config(int size) {
        MemorySegment payload = channel.reply();
        payload.asSlice(0, 12L + size).fill((byte) 0);
        payload.set(INT, 4, size);
        channel.send(Protocol.GET_CONFIG, Protocol.FLAG_VERSION, 12 + size);
        await(Protocol.GET_CONFIG);
        channel.require(12 + size);
        var bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) channel.byteAt(12 + i);
        }
        return bytes;
    }

    /** Changes {@code size} bytes, up to 8, at {@code offset} of the configuration space. */
    void setConfig(int offset, int size, long value) {
        MemorySegment payload = channel.reply();
        payload.set(INT, 0, offset);
        payload.set(INT, 4, size);
        payload.set(INT, 8, 0);
        for (int i = 0; i < size; i++) {
            payload.set(ValueLayout.JAVA_BYTE, 12 + i, (byte) (value >>> 8 * i));
        }
        sendAcknowledged(Protocol.SET_CONFIG, 12 + size);
    }

    /** The driver has agreed on {@code agreed}. */
    void setFeatures(long agreed) {
        send(Protocol.SET_FEATURES, agreed | features & Protocol.PROTOCOL_FEATURES);
    }

    /** Memory for what is in flight of {@code queues} queues, in which nothing is noted yet. After {@link #setFeatures}. */
    InflightFile inflight(int queues, int queueSize) {
        inflightPayload(0, 0, queues, queueSize);
        channel.send(Protocol.GET_INFLIGHT_FD, Protocol.FLAG_VERSION, INFLIGHT);
        await(Protocol.GET_INFLIGHT_FD);
        channel.require(20);
        return new InflightFile(channel.takeDescriptor(), channel.longAt(0), channel.longAt(8), queues, queueSize);
    }

    /** Has the back end note there what is in flight, and go on with what is noted. Before a queue starts. */
    void setInflight(InflightFile inflight) {
        inflightPayload(inflight.size(), inflight.offset(), inflight.queues(), inflight.queueSize());
        sendAcknowledged(Protocol.SET_INFLIGHT_FD, INFLIGHT, inflight.file());
    }

    private void inflightPayload(long size, long offset, int queues, int queueSize) {
        MemorySegment payload = channel.reply();
        payload.set(LONG, 0, size);
        payload.set(LONG, 8, offset);
        payload.set(INT, 16, queues | queueSize << 16);
        payload.set(INT, 20, 0);
    }

    /** Lets the back end see {@code memory}, all of which lies in files that it can map. */
    void setMemory(GuestMemory memory) {
        List<MemoryRegion> shared = new ArrayList<>();
        for (MemoryRegion region : memory.regions()) {
            if (region.block() instanceof MemoryBlock.Shareable) {
                shared.add(region);
            }
        }
        if (shared.isEmpty() || shared.size() > Protocol.MOST_DESCRIPTORS) {
            throw new CapabilityException("A vhost-user back end can map 1 to " + Protocol.MOST_DESCRIPTORS
                    + " regions of guest memory, and this guest has " + shared.size()
                    + " that can be mapped; ask for its memory with MemoryRequest.inMemfd");
        }
        MemorySegment payload = channel.reply();
        payload.set(LONG, 0, shared.size());
        var files = new FileDescriptor[shared.size()];
        for (int i = 0; i < files.length; i++) {
            MemoryRegion region = shared.get(i);
            MemoryBlock.Shareable block = (MemoryBlock.Shareable) Objects.requireNonNull(region.block());
            long at = 8 + 32L * i;
            payload.set(LONG, at, region.guestAddress());
            payload.set(LONG, at + 8, region.size());
            payload.set(LONG, at + 16, userAddress(region.guestAddress()));
            payload.set(LONG, at + 24, block.fileOffset() + region.blockOffset());
            files[i] = FileDescriptor.borrow(block.fileDescriptor(), "guest memory");
        }
        sendAcknowledged(Protocol.SET_MEM_TABLE, 8 + 32 * files.length, files);
    }

    /**
     * What the back end is told to be our address of {@code guestAddress}. It needs a number that finds the ring in the
     * memory table; which one does not matter, and where this process has its memory is nobody's business.
     */
    private static long userAddress(long guestAddress) {
        return guestAddress + (1L << 46);
    }

    /** Sets queue {@code index} up and starts it. */
    void start(int index, QueueLayout layout, int base, EventFd kick, EventFd call) {
        state(Protocol.SET_VRING_NUM, index, layout.size());
        state(Protocol.SET_VRING_BASE, index, base);
        MemorySegment payload = channel.reply();
        payload.set(LONG, 0, index);
        payload.set(LONG, 8, userAddress(layout.descriptorArea()));
        payload.set(LONG, 16, userAddress(layout.deviceArea()));
        payload.set(LONG, 24, userAddress(layout.driverArea()));
        payload.set(LONG, 32, 0);
        sendAcknowledged(Protocol.SET_VRING_ADDR, 40);
        send(Protocol.SET_VRING_CALL, index, call.descriptor());
        send(Protocol.SET_VRING_KICK, index, kick.descriptor());
        if ((features & Protocol.PROTOCOL_FEATURES) != 0) {
            state(Protocol.SET_VRING_ENABLE, index, 1);
        }
    }

    /** Stops queue {@code index}; says where it is. */
    int stop(int index) {
        state(Protocol.GET_VRING_BASE, index, 0);
        await(Protocol.GET_VRING_BASE);
        channel.require(8);
        return channel.intAt(4);
    }

    @Override
    public void close() {
        channel.close();
    }
}
