package dev.vz.virtio.vhost;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.PollSet;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A vhost-user front end that a test drives message by message, right or wrong, against any back end. Its guest has 4 MiB,
 * at guest-physical {@link #BASE}, and a user address of its own for each byte.
 */
final class TestFrontEnd implements AutoCloseable {

    static final long BASE = 0x10_0000_0000L;
    static final long USER = 0x7000_0000_0000L;
    static final int BYTES = 4 << 20;

    final MessageChannel channel;
    final MemoryFile file = MemoryFile.create("guest", BYTES);
    final MappedMemory mapping = MappedMemory.map(file.mapping(0));
    /** At 0, as the drivers for tests want it; the back end knows the same bytes at {@link #BASE}. */
    final GuestMemory memory = GuestMemory.of(MemoryRegion.borrowed(BASE, mapping.segment()));
    final List<EventFd> events = new ArrayList<>();
    private final UnixSocket socket;

    TestFrontEnd(UnixAddress address) {
        socket = UnixSocket.connect(address, SocketType.STREAM, false);
        channel = new MessageChannel(socket);
    }

    FileDescriptor socketDescriptor() {
        return socket.descriptor();
    }

    void send(int request, long value, FileDescriptor... descriptors) {
        channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
        channel.send(request, 1, 8, descriptors);
    }

    void send(int request, int size, FileDescriptor... descriptors) {
        channel.send(request, 1, size, descriptors);
    }

    void empty(int request) {
        channel.send(request, 1, 0);
    }

    void state(int request, int index, int number) {
        send(request, index & 0xFFFF_FFFFL | (long) number << 32);
    }

    /** Sends with NEED_REPLY and returns what comes back: 0 is yes. */
    long acknowledged(int request, int size, FileDescriptor... descriptors) {
        channel.send(request, 1 | Protocol.FLAG_NEED_REPLY, size, descriptors);
        return answer(request);
    }

    /** Waits for the answer to {@code request}: its first eight bytes. */
    long answer(int request) {
        if (!channel.receive()) {
            throw new AssertionError("the back end has hung up instead of answering " + Protocol.name(request));
        }
        if (channel.request() != request || (channel.flags() & Protocol.FLAG_REPLY) == 0) {
            throw new AssertionError("an answer to " + channel.request() + " instead of " + request);
        }
        return channel.longAt(0);
    }

    long ask(int request) {
        empty(request);
        return answer(request);
    }

    /** Whether there is something to be received, or the back end has hung up, within that time. */
    boolean isHeardWithin(long millis) {
        var waiting = new PollSet(1);
        waiting.add(socket.descriptor(), Readiness.IN);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        // A signal ends the waiting early.
        while (waiting.poll(Math.max(0, end - System.nanoTime())) == 0) {
            if (System.nanoTime() >= end) {
                return false;
            }
        }
        return true;
    }

    /** Whether the back end hangs up, which it does soon or not at all. */
    boolean isCutOff() {
        return !channel.receive();
    }

    /** Features and protocol features: what QEMU does first. */
    long begin(long protocol) {
        long offered = ask(Protocol.GET_FEATURES);
        long spoken = ask(Protocol.GET_PROTOCOL_FEATURES) & protocol;
        send(Protocol.SET_PROTOCOL_FEATURES, spoken);
        empty(Protocol.SET_OWNER);
        return offered;
    }

    void setMemory() {
        MemorySegment payload = channel.reply();
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1);
        region(payload, 8, BASE, BYTES, USER, 0);
        send(Protocol.SET_MEM_TABLE, 40, file.descriptor());
    }

    static void region(MemorySegment payload, long at, long guest, long size, long user, long offset) {
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, at, guest);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 8, size);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 16, user);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 24, offset);
    }

    void addresses(int index, QueueLayout layout) {
        MemorySegment payload = channel.reply();
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, index);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, layout.descriptorArea() - BASE + USER);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, layout.deviceArea() - BASE + USER);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 24, layout.driverArea() - BASE + USER);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 32, 0);
        send(Protocol.SET_VRING_ADDR, 40);
    }

    /** A queue that works. */
    final class Queue {
        final int index;
        final QueueDriver driver;
        final EventFd kick = EventFd.nonBlocking();
        final EventFd call = EventFd.nonBlocking();

        Queue(int index, QueueFeatures kind, int size) {
            this.index = index;
            driver = QueueDriver.of(memory, BASE + (1 << 20) + ((long) index << 16), size, kind);
            events.add(kick);
            events.add(call);
        }

        Queue start(int base) {
            QueueLayout layout = driver.layout();
            state(Protocol.SET_VRING_NUM, index, layout.size());
            state(Protocol.SET_VRING_BASE, index, base);
            addresses(index, layout);
            TestFrontEnd.this.send(Protocol.SET_VRING_CALL, (long) index, call.descriptor());
            TestFrontEnd.this.send(Protocol.SET_VRING_KICK, (long) index, kick.descriptor());
            state(Protocol.SET_VRING_ENABLE, index, 1);
            driver.interrupts(true);
            return this;
        }

        /** Stops it; says where it was. */
        int stop() {
            state(Protocol.GET_VRING_BASE, index, 0);
            return (int) (answer(Protocol.GET_VRING_BASE) >>> 32);
        }

        void submit(Buffer... buffers) {
            if (driver.submit(List.of(buffers)) < 0) {
                throw new AssertionError("the queue is full");
            }
            kick.signal();
        }

        /** Waits for the next completion. */
        QueueDriver.Completion await() throws InterruptedException {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (System.nanoTime() < end) {
                var done = driver.complete();
                if (done.isPresent()) {
                    driver.interrupts(true);
                    return done.get();
                }
                Thread.sleep(1);
            }
            throw new AssertionError("no completion in time");
        }
    }

    /** All of it: features, memory, and queue 0 of 64 entries. */
    Queue start(QueueFeatures kind, long features) {
        begin(-1);
        send(Protocol.SET_FEATURES, features | ring(kind) | Protocol.PROTOCOL_FEATURES);
        setMemory();
        return new Queue(0, kind, 64).start(kind.packed() ? 0x8000 : 0);
    }

    static long ring(QueueFeatures kind) {
        return 1L << 32 | (kind.indirect() ? 1L << QueueFeatures.INDIRECT_DESC : 0)
                | (kind.eventIdx() ? 1L << QueueFeatures.EVENT_IDX : 0)
                | (kind.packed() ? 1L << QueueFeatures.RING_PACKED : 0);
    }

    @Override
    public void close() {
        channel.close();
        events.forEach(EventFd::close);
        memory.close();
        mapping.close();
        file.close();
    }
}
