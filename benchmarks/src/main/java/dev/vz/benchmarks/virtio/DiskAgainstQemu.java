package dev.vz.benchmarks.virtio;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.memory.LinuxMemoryAllocator;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.vhost.VhostUserDevice;
import dev.vz.virtio.vhost.VhostUserServer;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Reads of 4 KiB per second through vhost-user, one or 32 at a time, by one driver: our front end against our back end and
 * against qemu-storage-daemon's. Both have a disk that costs next to nothing (memory here, null-co there), so that what is
 * measured is queues and wakeups. The back end of ours is another process.
 *
 * <p>
 * {@code java … DiskAgainstQemu [rounds] [seconds]}; {@code java … DiskAgainstQemu --serve SOCKET} is the back end.
 */
public final class DiskAgainstQemu {

    private static final long DISK = 64L << 20;
    private static final int SIZE = 128;
    private static final long DESCRIPTORS = 0x1000;
    private static final long AVAIL = 0x4000;
    private static final long USED = 0x8000;
    private static final long HEADERS = 0x10000;
    private static final long STATUS = 0x20000;
    private static final long DATA = 0x100000;

    private DiskAgainstQemu() {}

    /** Runs it. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length == 2 && arguments[0].equals("--serve")) {
            try (var server = VhostUserServer.serve(new BlockFrontend(MemoryBlockDevice.ofSize(DISK), "bench", 1),
                    UnixAddress.of(Path.of(arguments[1])), VhostUserServer.Options.standard())) {
                System.out.println(server);
                Thread.currentThread().join();
            }
            return;
        }
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
        int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
        Path folder = Files.createTempDirectory("vz-vhost");
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        for (int depth : new int[] {1, 32}) {
            var ours = new double[rounds];
            var theirs = new double[rounds];
            for (int i = 0; i < rounds; i++) {
                Path vz = folder.resolve("vz" + depth + "-" + i);
                ours[i] = measured(vz, depth, seconds, java.toString(), "--enable-native-access=ALL-UNNAMED", "-cp",
                        System.getProperty("java.class.path"), DiskAgainstQemu.class.getName(), "--serve",
                        vz.toString());
                Path qemu = folder.resolve("qemu" + depth + "-" + i);
                theirs[i] = measured(qemu, depth, seconds, "qemu-storage-daemon", "--blockdev",
                        "driver=null-co,node-name=d,size=" + DISK + ",read-zeroes=on", "--export",
                        "type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path=" + qemu);
                System.out.printf(Locale.ROOT, "depth %d, round %d: vz %.1f, qemu-storage-daemon %.1f thousand a second%n",
                        depth, i + 1, ours[i] / 1e3, theirs[i] / 1e3);
            }
            Arrays.sort(ours);
            Arrays.sort(theirs);
            System.out.printf(Locale.ROOT, "depth %d, reads of 4 KiB: medians of %d, vz %.1f, qemu-storage-daemon %.1f"
                    + " thousand a second, ratio %.2f%n", depth, rounds, ours[rounds / 2] / 1e3,
                    theirs[rounds / 2] / 1e3, ours[rounds / 2] / theirs[rounds / 2]);
        }
    }

    private static double measured(Path socket, int depth, int seconds, String... command)
            throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (!Files.exists(socket)) {
                if (!process.isAlive() || System.nanoTime() > end) {
                    throw new IOException(command[0] + " does not listen at " + socket);
                }
                Thread.sleep(10);
            }
            return drive(UnixAddress.of(socket), depth, seconds);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** Keeps {@code depth} reads in flight; the first second is for warming up. */
    private static double drive(UnixAddress address, int depth, int seconds) {
        try (var memory = GuestMemory.of(MemoryRegion.of(0, new LinuxMemoryAllocator()
                .allocate(MemoryRequest.of(4 << 20).inMemfd())));
                var loop = WorkerLoop.started("bench");
                var host = new DeviceHost(VhostUserDevice.block(address, memory, 1), memory, loop)) {
            begin(host, memory, depth);
            int submitted = 0;
            int done = 0;
            long start = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
            long end = start + TimeUnit.SECONDS.toNanos(seconds);
            long before = -1;
            long total = 0;
            while (true) {
                long now = System.nanoTime();
                if (before < 0 && now >= start) {
                    before = total;
                }
                if (now >= end) {
                    return (total - before) / (double) seconds;
                }
                int fresh = 0;
                while ((submitted - done & 0xFFFF) < depth) {
                    memory.writeShort(AVAIL + 4 + 2L * (submitted & SIZE - 1), (short) (3 * (submitted % depth)));
                    submitted = submitted + 1 & 0xFFFF;
                    fresh++;
                }
                if (fresh > 0) {
                    memory.writeShortRelease(AVAIL + 2, (short) submitted);
                    VarHandle.fullFence();
                    if ((memory.readShortAcquire(USED) & 1) == 0) {
                        host.notifyQueue(0);
                    }
                }
                // The driver looks again and again, as one that polls does: interrupts are not what is measured.
                int used = memory.readShortAcquire(USED + 2) & 0xFFFF;
                total += used - done & 0xFFFF;
                done = used;
            }
        }
    }

    private static void begin(DeviceHost host, GuestMemory memory, int depth) {
        for (int i = 0; i < depth; i++) {
            memory.writeLong(HEADERS + 16L * i + 8, 8L * i);
            descriptor(memory, 3 * i, HEADERS + 16L * i, 16, 1, 3 * i + 1);
            descriptor(memory, 3 * i + 1, DATA + 4096L * i, 4096, 3, 3 * i + 2);
            descriptor(memory, 3 * i + 2, STATUS + i, 1, 2, 0);
        }
        // No interrupts.
        memory.writeShort(AVAIL, (short) 1);
        host.writeStatus(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER);
        host.writeDriverFeatures(0, 0);
        host.writeDriverFeatures(1, 1);
        host.writeStatus(host.status() | DeviceHost.FEATURES_OK);
        host.writeQueue(0, queue -> {
            queue.setSize(SIZE);
            queue.setDescriptorArea(DESCRIPTORS);
            queue.setDriverArea(AVAIL);
            queue.setDeviceArea(USED);
        });
        host.enableQueue(0);
        host.writeStatus(host.status() | DeviceHost.DRIVER_OK);
    }

    private static void descriptor(GuestMemory memory, int index, long address, int length, int flags, int next) {
        long at = DESCRIPTORS + 16L * index;
        memory.writeLong(at, address);
        memory.writeInt(at + 8, length);
        memory.writeShort(at + 12, (short) flags);
        memory.writeShort(at + 14, (short) next);
    }
}
