package dev.vz.virtio.vhost;

import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.virtio.driver.SplitDriver;
import dev.vz.virtio.queue.QueueLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Something that a front end or the driver behind it must never do (virtio 1.3, 2.7; vhost-user protocol), done to a back
 * end that serves one queue properly.
 *
 * @param name what it is, for a table
 * @param deed does it, on a queue that works
 */
record HostileTrick(String name, Consumer<Stage> deed) {

    /** Where the trick is played: a front end with a split queue of 64 entries that the back end works on. */
    record Stage(TestFrontEnd front, TestFrontEnd.Queue queue) {
        SplitDriver driver() {
            return (SplitDriver) queue.driver;
        }

        QueueLayout layout() {
            return queue.driver.layout();
        }

        void offer(int head) {
            driver().offer(head);
            queue.kick.signal();
        }

        /** One descriptor at 0, offered. */
        void single(long address, int length, int flags, int next) {
            driver().descriptor(0, address, length, flags, next);
            offer(0);
        }

        void table(long at, long address, int length, int flags, int next) {
            front.memory.writeLong(at, address);
            front.memory.writeInt(at + 8, length);
            front.memory.writeShort(at + 12, (short) flags);
            front.memory.writeShort(at + 14, (short) next);
        }
    }

    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final int INDIRECT = 4;
    private static final long DATA = TestFrontEnd.BASE + 0x3000;
    private static final long TABLE = TestFrontEnd.BASE + 0x8000;

    @Override
    public String toString() {
        return name;
    }

    private static HostileTrick of(String name, Consumer<Stage> deed) {
        return new HostileTrick(name, deed);
    }

    /** All of them. */
    static List<HostileTrick> all() {
        return List.of(of("a descriptor chain that loops", s -> {
            s.driver().descriptor(0, DATA, 16, NEXT, 1);
            s.driver().descriptor(1, DATA, 16, NEXT, 0);
            s.offer(0);
        }), of("a next outside the descriptor table", s -> s.single(DATA, 16, NEXT, 64)),
                of("an available head outside the descriptor table", s -> s.offer(64)),
                of("an available head of 65535", s -> s.offer(0xFFFF)), of("avail.idx far ahead of the queue", s -> {
                    s.driver().setAvailIdx(0x7000);
                    s.queue().kick.signal();
                }), of("a buffer outside memory", s -> s.single(1L << 40, 4096, 0, 0)),
                of("a buffer at the last address there is", s -> s.single(-16, 32, 0, 0)),
                of("a buffer that begins in memory and ends outside", s -> s.single(
                        TestFrontEnd.BASE + TestFrontEnd.BYTES - 16, 4096, WRITE, 0)),
                of("a chain of more than 4 GiB", s -> {
                    for (int i = 0; i < 8; i++) {
                        s.driver().descriptor(i, DATA, -1, i == 7 ? 0 : NEXT, i + 1);
                    }
                    s.offer(0);
                }), of("a buffer of no bytes", s -> s.single(DATA, 0, 0, 0)),
                of("a readable buffer after a writable one", s -> {
                    s.driver().descriptor(0, DATA, 64, NEXT | WRITE, 1);
                    s.driver().descriptor(1, DATA, 64, 0, 0);
                    s.offer(0);
                }), of("an indirect table of an odd size", s -> s.single(TABLE, 17, INDIRECT, 0)),
                of("an indirect table of no entries", s -> s.single(TABLE, 0, INDIRECT, 0)),
                of("an indirect table outside memory", s -> s.single(1L << 40, 64, INDIRECT, 0)),
                of("an indirect table of 4 GiB", s -> s.single(TABLE, -16, INDIRECT, 0)),
                of("an indirect table that loops", s -> {
                    s.table(TABLE, DATA, 16, NEXT, 1);
                    s.table(TABLE + 16, DATA, 16, NEXT, 0);
                    s.single(TABLE, 32, INDIRECT, 0);
                }), of("an indirect table within an indirect table", s -> {
                    s.table(TABLE, TABLE + 64, 16, INDIRECT, 0);
                    s.table(TABLE + 64, DATA, 16, 0, 0);
                    s.single(TABLE, 16, INDIRECT, 0);
                }), of("an indirect descriptor with a next", s -> {
                    s.table(TABLE, DATA, 16, 0, 0);
                    s.driver().descriptor(1, DATA, 16, 0, 0);
                    s.single(TABLE, 16, INDIRECT | NEXT, 1);
                }), of("an indirect descriptor that points to itself", s -> s.single(s.layout().descriptorArea(), 16,
                        INDIRECT, 0)),
                of("a request with nothing to write an answer to", s -> s.single(DATA, 16, 0, 0)),
                of("a request with nothing to read", s -> s.single(DATA, 16, WRITE, 0)),
                of("memory that is cut off while the queue works", s -> {
                    try {
                        s.front().file.resize(0);
                    } catch (HostException sealed) {
                        // A back end that takes care has sealed it: there is nothing to run into.
                        s.queue().kick.tryAdd(0);
                    }
                    s.queue().kick.signal();
                }), of("an unknown request", s -> s.front().send(999, 0L)),
                of("a payload of 4 GiB", s -> s.front().channel.send(Protocol.GET_FEATURES, 1, -1)),
                of("a message of another version", s -> s.front().channel.send(Protocol.GET_FEATURES, 2, 0)),
                of("a queue that does not exist", s -> s.front().state(Protocol.SET_VRING_NUM, 200, 64)),
                of("a queue with a negative number", s -> s.front().state(Protocol.SET_VRING_ENABLE, -1, 1)),
                of("a queue of 2^31 entries", s -> s.front().state(Protocol.SET_VRING_NUM, s.queue().index, 1 << 31)),
                of("a memory table that claims more regions than there are", s -> s.front()
                        .send(Protocol.SET_MEM_TABLE, 0xFFFF_FFFFL)),
                of("a memory region behind the end of its file", s -> table(s, TestFrontEnd.BYTES, 1 << 30)),
                of("a memory region of 2^63 bytes", s -> table(s, Long.MIN_VALUE, 0)),
                of("rings outside memory", s -> {
                    s.queue().stop();
                    MemorySegment payload = s.front().channel.reply();
                    payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, s.queue().index);
                    for (int i = 8; i < 40; i += 8) {
                        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, i, i == 32 ? 0 : 1L << 62);
                    }
                    s.front().send(Protocol.SET_VRING_ADDR, 40);
                    s.front().send(Protocol.SET_VRING_KICK, (long) s.queue().index, s.queue().kick.descriptor());
                    s.front().state(Protocol.SET_VRING_ENABLE, s.queue().index, 1);
                    s.queue().kick.signal();
                }), of("a regular file as a kick", s -> {
                    try (FileDescriptor file = FileDescriptor.open(Path.of("/proc/self/exe"), OpenFlag.READ)) {
                        s.front().send(Protocol.SET_VRING_KICK, (long) s.queue().index, file);
                    }
                }), of("a closed end of memory as a call", s -> s.front().send(Protocol.SET_VRING_CALL,
                        (long) s.queue().index, s.front().file.descriptor())));
    }

    private static void table(Stage stage, long size, long offset) {
        MemorySegment payload = stage.front().channel.reply();
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1);
        TestFrontEnd.region(payload, 8, TestFrontEnd.BASE, size, TestFrontEnd.USER, offset);
        stage.front().send(Protocol.SET_MEM_TABLE, 40, stage.front().file.descriptor());
        stage.queue().kick.signal();
    }
}
