package dev.vz.virtio.vhost;

import dev.vz.testing.Peers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A machine of QEMU without a running processor, whose buses and memory a test drives through the qtest protocol: a
 * vhost-user-blk-pci function, brought up register by register (virtio 1.3, 4.1). 16 MiB of memory from 0 on.
 */
final class QtestGuest implements AutoCloseable {

    static final int QUEUE_SIZE = 128;
    static final long DESCRIPTORS = 0x10_0000;
    static final long AVAIL = 0x10_2000;
    static final long USED = 0x10_4000;
    private static final int SLOT = 4;
    private static final long BAR = 0xE000_0000L;
    private static final int COMMON = 1;
    private static final int NOTIFY = 2;

    private final Process process;
    private final SocketChannel channel;
    private final BufferedReader answers;
    private long common;
    private long notify;

    /** Starts QEMU with its disk at the back end's {@code socket}. */
    QtestGuest(Path folder, Path socket) throws IOException {
        Path control = folder.resolve("qtest");
        // QEMU connects to us, so that nobody has to wait for its socket.
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(UnixDomainSocketAddress.of(control));
            process = new ProcessBuilder(Peers.program("qemu-system-x86_64", "qemu-system-x86").toString(), "-bios",
                    stopped(folder).toString(), "-accel", "tcg", "-machine", "pc,memory-backend=memory", "-m", "16",
                    "-object",
                    "memory-backend-memfd,id=memory,share=on,size=16M", "-display", "none", "-nodefaults", "-qtest",
                    "unix:" + control, "-qtest-log", "/dev/null", "-chardev", "socket,id=blk,path=" + socket, "-device",
                    "vhost-user-blk-pci,chardev=blk,addr=0" + SLOT + ".0,num-queues=1,queue-size=" + QUEUE_SIZE
                            + ",disable-legacy=on")
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("qemu.out").toFile()).start();
            listener.configureBlocking(false);
            channel = accepted(listener, folder.resolve("qemu.out"));
        }
        answers = new BufferedReader(Channels.newReader(channel, StandardCharsets.US_ASCII));
        findRegisters();
    }

    /** Firmware whose first instructions, at 0xFFFF0, are CLI and HLT: the processor does nothing but let the machine run. */
    private static Path stopped(Path folder) throws IOException {
        var firmware = new byte[64 << 10];
        Arrays.fill(firmware, (byte) 0xF4);
        firmware[0xFFF0] = (byte) 0xFA;
        firmware[0xFFF2] = (byte) 0xEB;
        firmware[0xFFF3] = (byte) 0xFD;
        return Files.write(folder.resolve("firmware"), firmware);
    }

    private SocketChannel accepted(ServerSocketChannel listener, Path output) throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        SocketChannel accepted = listener.accept();
        while (accepted == null) {
            if (!process.isAlive() || System.nanoTime() > end) {
                process.destroyForcibly();
                throw new AssertionError("QEMU does not start: " + Files.readString(output));
            }
            LockSupport.parkNanos(5_000_000);
            accepted = listener.accept();
        }
        accepted.configureBlocking(true);
        return accepted;
    }

    // ------------------------------------------------------------------------------------------------ the protocol

    private String command(String text) {
        try {
            ByteBuffer bytes = StandardCharsets.US_ASCII.encode(text + "\n");
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            String line = answers.readLine();
            while (line != null && line.startsWith("IRQ")) {
                line = answers.readLine();
            }
            if (line == null || !line.startsWith("OK")) {
                throw new AssertionError("QEMU answers " + text + " with " + line);
            }
            return line.substring(2).trim();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private long number(String text) {
        String value = command(text);
        // 64 bits without a sign.
        return Long.parseUnsignedLong(value, value.indexOf('x') + 1, value.length(), 16);
    }

    void write(long address, byte[] bytes) {
        command("write 0x" + Long.toHexString(address) + " 0x" + Integer.toHexString(bytes.length) + " 0x"
                + HexFormat.of().formatHex(bytes));
    }

    void write(int bits, long address, long value) {
        String width = bits == 8 ? "b" : bits == 16 ? "w" : bits == 32 ? "l" : "q";
        command("write" + width + " 0x" + Long.toHexString(address) + " 0x" + Long.toHexString(value));
    }

    long read(int bits, long address) {
        String width = bits == 8 ? "b" : bits == 16 ? "w" : bits == 32 ? "l" : "q";
        return number("read" + width + " 0x" + Long.toHexString(address));
    }

    void clear(long address, int length) {
        command("memset 0x" + Long.toHexString(address) + " 0x" + Integer.toHexString(length) + " 0x00");
    }

    // ------------------------------------------------------------------------------------------------ the function

    private long config(int offset) {
        command("outl 0xcf8 0x" + Long.toHexString(0x8000_0000L | SLOT << 11 | offset & 0xFC));
        return number("inl 0xcfc");
    }

    private void config(int offset, long value) {
        command("outl 0xcf8 0x" + Long.toHexString(0x8000_0000L | SLOT << 11 | offset & 0xFC));
        command("outl 0xcfc 0x" + Long.toHexString(value));
    }

    private void findRegisters() {
        if ((config(0) & 0xFFFF) != 0x1AF4) {
            throw new AssertionError("there is no virtio function in slot " + SLOT);
        }
        for (int at = (int) config(0x34) & 0xFC; at != 0; at = (int) (config(at) >>> 8) & 0xFC) {
            long head = config(at);
            if ((head & 0xFF) != 9) {
                continue;
            }
            int type = (int) (head >>> 24);
            int bar = (int) config(at + 4) & 0xFF;
            if (type == COMMON || type == NOTIFY) {
                config(0x10 + 4 * bar, BAR);
                config(0x14 + 4 * bar, 0);
                if (type == COMMON) {
                    common = BAR + config(at + 8);
                } else {
                    notify = BAR + config(at + 8);
                }
            }
        }
        // Memory accesses, and the function may use the bus itself.
        config(4, config(4) & 0xFFFF | 6);
    }

    int status() {
        return (int) read(8, common + 0x14);
    }

    /** Resets the device and sets its queue up. */
    void begin() {
        write(8, common + 0x14, 0);
        clear(DESCRIPTORS, 0x6000);
        write(8, common + 0x14, 3);
        write(32, common + 8, 0);
        // INDIRECT_DESC; VERSION_1.
        write(32, common + 0xC, 1L << 28);
        write(32, common + 8, 1);
        write(32, common + 0xC, 1);
        write(8, common + 0x14, 0xB);
        write(16, common + 0x16, 0);
        write(16, common + 0x18, QUEUE_SIZE);
        write(64, common + 0x20, DESCRIPTORS);
        write(64, common + 0x28, AVAIL);
        write(64, common + 0x30, USED);
        write(16, common + 0x1C, 1);
        write(8, common + 0x14, 0xF);
    }

    void descriptor(int index, long address, long length, int flags, int next) {
        ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(address).putInt((int) length).putShort((short) flags).putShort((short) next);
        write(DESCRIPTORS + 16L * index, bytes.array());
    }

    /** Makes {@code head} available as number {@code count}, from 1 on, and notifies. */
    void offer(int head, int count) {
        write(16, AVAIL + 4 + 2L * ((count - 1) % QUEUE_SIZE), head);
        write(16, AVAIL + 2, count & 0xFFFF);
        kick();
    }

    void kick() {
        write(16, notify, 0);
    }

    int usedIdx() {
        return (int) read(16, USED + 2);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    @Override
    public void close() throws IOException {
        channel.close();
        process.destroyForcibly();
    }
}
