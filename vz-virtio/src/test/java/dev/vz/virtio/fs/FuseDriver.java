package dev.vz.virtio.fs;

import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A guest's FUSE client that sends requests as a test says. */
final class FuseDriver implements AutoCloseable {

    static final long REQUEST = 0x2000;
    static final long REPLY = 0x40000;

    /** An answer: error number, positive, and what follows the header. */
    record Reply(int errno, ByteBuffer body) {
        long nodeId() {
            return body.getLong(0);
        }

        /** The mode in an entry's attributes. */
        int entryMode() {
            return body.getInt(40 + 60);
        }

        long entrySize() {
            return body.getLong(40 + 8);
        }
    }

    final FileSystemDevice device;
    final TestDriver driver;
    final QueueDriver urgent;
    final QueueDriver requests;

    FuseDriver(SharedFolder folder, QueueFeatures kind) {
        device = new FileSystemDevice("share", folder);
        driver = new TestDriver(device, kind);
        driver.negotiate(driver.ringFeatures());
        urgent = driver.enable(0, 16);
        requests = driver.enable(1, 16);
        driver.driverOk();
        Reply init = request(FuseSession.INIT, 0, args(64).putInt(7).putInt(38).putInt(131072).putInt(-1));
        if (init.errno != 0 || init.body.getInt(0) != 7) {
            throw new AssertionError("INIT failed: " + init);
        }
    }

    static ByteBuffer args(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer name(String name) {
        byte[] bytes = (name + "\0").getBytes(StandardCharsets.UTF_8);
        return args(bytes.length).put(bytes);
    }

    static ByteBuffer withName(ByteBuffer fields, String... names) {
        byte[] bytes = (String.join("\0", names) + "\0").getBytes(StandardCharsets.UTF_8);
        return args(fields.capacity() + bytes.length).put(fields.array()).put(bytes);
    }

    Reply request(int opcode, long node, ByteBuffer body) {
        return request(opcode, node, body.array(), 0x30000);
    }

    Reply request(int opcode, long node, byte[] body, int room) {
        header(opcode, node, 40 + body.length);
        driver.memory.write(REQUEST + 40, body);
        driver.memory.fill(REPLY, 16, (byte) 0xEE);
        driver.submit(1, requests, Buffer.readable(REQUEST, 40 + body.length), Buffer.writable(REPLY, room));
        var done = requests.complete().orElseThrow(() -> new AssertionError("no answer to " + opcode));
        ByteBuffer answer = ByteBuffer.wrap(driver.memory.read(REPLY, done.written())).order(ByteOrder.LITTLE_ENDIAN);
        if (answer.getInt(0) != done.written() || answer.getLong(8) != 77) {
            throw new AssertionError("an answer of " + answer.getInt(0) + " bytes in " + done.written());
        }
        return new Reply(-answer.getInt(4), answer.position(16).slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    void header(int opcode, long node, int length) {
        driver.memory.writeInt(REQUEST, length);
        driver.memory.writeInt(REQUEST + 4, opcode);
        driver.memory.writeLong(REQUEST + 8, 77);
        driver.memory.writeLong(REQUEST + 16, node);
        driver.memory.fill(REQUEST + 24, 16, (byte) 0);
    }

    Reply lookUp(long parent, String name) {
        return request(FuseSession.LOOKUP, parent, name(name));
    }

    Reply open(long node, int flags) {
        return request(FuseSession.OPEN, node, args(8).putInt(flags));
    }

    Reply create(long parent, String name) {
        return request(FuseSession.CREATE, parent, withName(args(16).putInt(2).putInt(0644), name));
    }

    Reply write(long handle, long position, byte[] data) {
        ByteBuffer body = args(40 + data.length).putLong(handle).putLong(position).putInt(data.length).position(40)
                .put(data);
        return request(FuseSession.WRITE, 1, body);
    }

    Reply read(long handle, long position, int size) {
        return request(FuseSession.READ, 1, args(40).putLong(handle).putLong(position).putInt(size));
    }

    Reply makeDirectory(long parent, String name) {
        return request(FuseSession.MKDIR, parent, withName(args(8).putInt(0755), name));
    }

    Reply rename(long from, String name, long to, String newName) {
        return request(FuseSession.RENAME, from, withName(args(8).putLong(to), name, newName));
    }

    Reply symlink(long parent, String name, String target) {
        return request(FuseSession.SYMLINK, parent, withName(args(0), name, target));
    }

    static String text(ByteBuffer body) {
        var bytes = new byte[body.remaining()];
        body.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        driver.close();
    }
}
