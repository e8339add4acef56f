package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.VzException;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.testing.Listeners;
import dev.vz.testing.Peers;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import dev.vz.virtio.queue.QueueKind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every {@link HostileTrick} against our back ends, which must go on serving, and against the peers that are installed
 * here, for the table that is written to {@code target/vhost-user-back-ends.md}.
 */
@Timeout(600)
class HostileBackEndsTest {

    private static final String GOES_ON = "goes on";
    private static final String HANGS_UP = "hangs up, serves the next";
    /** How long a back end has to stumble after a trick. */
    private static final long STUMBLE_MILLIS = 60;
    /** How long an answer may take of whom it is sure to come. */
    private static final long ANSWER_MILLIS = 60_000;
    /** The same of a peer that may have come to grief: what is said of it then is for the table only. */
    private static final long PATIENCE_MILLIS = 2000;

    @TempDir
    Path folder;
    private int number;

    /** A back end at a socket. */
    private interface BackEnd extends AutoCloseable {
        UnixAddress address();

        /** The queue that requests go to. */
        int queue();

        /** How its process ended; {@code null} while it runs. */
        @Nullable
        String ending();

        /** Whether another front end may come after the first. */
        boolean servesAnother();

        /** How many milliseconds it has to answer after a trick. */
        long patience();

        @Override
        void close();
    }

    @FunctionalInterface
    private interface Maker {
        BackEnd make() throws IOException, InterruptedException;
    }

    private Path socket() {
        return folder.resolve("s" + number++);
    }

    private BackEnd ours(boolean disk) throws IOException {
        UnixAddress address = UnixAddress.of(socket());
        Path shared = Files.createDirectories(folder.resolve("shared"));
        VhostUserServer server = VhostUserServer.serve(
                disk ? new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "x", 1)
                        : new FileSystemDevice("share", SharedFolder.of(shared, false)),
                address, VhostUserServer.Options.standard());
        return new BackEnd() {
            @Override
            public UnixAddress address() {
                return address;
            }

            @Override
            public int queue() {
                return disk ? 0 : 1;
            }

            @Override
            public @Nullable String ending() {
                return null;
            }

            @Override
            public boolean servesAnother() {
                return true;
            }

            @Override
            public long patience() {
                return ANSWER_MILLIS;
            }

            @Override
            public void close() {
                server.close();
            }
        };
    }

    private BackEnd program(boolean disk, Path socket, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile()).start();
        Listeners.await(process, socket, folder.resolve("log"));
        return new BackEnd() {
            @Override
            public UnixAddress address() {
                return UnixAddress.of(socket);
            }

            @Override
            public int queue() {
                return disk ? 0 : 1;
            }

            @Override
            public @Nullable String ending() {
                if (process.isAlive()) {
                    return null;
                }
                int status = process.exitValue();
                return status > 128 ? "**dies of signal " + (status - 128) + "**" : "**ends** with status " + status;
            }

            @Override
            public boolean servesAnother() {
                return disk;
            }

            @Override
            public long patience() {
                return PATIENCE_MILLIS;
            }

            @Override
            public void close() {
                process.destroyForcibly();
                try {
                    process.waitFor();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        };
    }

    private BackEnd storageDaemon() throws IOException, InterruptedException {
        Path image = folder.resolve("image");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        Path socket = socket();
        return program(true, socket, Peers.program("qemu-storage-daemon", "qemu-system-common").toString(),
                "--blockdev",
                "driver=file,node-name=d,filename=" + image, "--export",
                "type=vhost-user-blk,id=e,node-name=d,writable=on,num-queues=1,addr.type=unix,addr.path=" + socket);
    }

    private BackEnd virtiofsd() throws IOException, InterruptedException {
        Path shared = Files.createDirectories(folder.resolve("shared"));
        Path socket = socket();
        return program(false, socket, Peers.program("virtiofsd", "qemu-system-common").toString(),
                "--socket-path=" + socket, "-o", "source=" + shared, "-o", "sandbox=chroot");
    }

    // ------------------------------------------------------------------------------------------------- the trick

    private static TestFrontEnd.Queue start(TestFrontEnd front, int index) {
        front.begin(-1);
        front.send(Protocol.SET_FEATURES,
                TestFrontEnd.ring(QueueKind.SPLIT.features) | Protocol.PROTOCOL_FEATURES);
        front.setMemory();
        return front.new Queue(index, QueueKind.SPLIT.features, 64).start(0);
    }

    /** Whether a request that keeps every rule is answered. */
    private static boolean isServed(TestFrontEnd front, TestFrontEnd.Queue queue, long millis)
            throws InterruptedException {
        long at = TestFrontEnd.BASE + 0x1000;
        front.memory.fill(at, 0x1000, (byte) 0);
        if (queue.index == 0) {
            front.memory.writeLong(at + 8, 1);
            queue.submit(Buffer.readable(at, 16), Buffer.writable(at + 0x4000, 512), Buffer.writable(at + 64, 1));
        } else {
            int[] init = {104, 26, 1, 0, 0, 0, 0, 0, 0, 0, 7, 31, 1 << 17, 0};
            for (int i = 0; i < init.length; i++) {
                front.memory.writeInt(at + 4L * i, init[i]);
            }
            queue.submit(Buffer.readable(at, 40), Buffer.readable(at + 40, 64), Buffer.writable(at + 0x400, 16),
                    Buffer.writable(at + 0x410, 64));
        }
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (System.nanoTime() < end) {
            if (queue.driver.complete().isPresent()) {
                return true;
            }
            Thread.sleep(1);
        }
        return false;
    }

    /** What becomes of the back end. */
    private static String verdict(BackEnd backEnd, HostileTrick trick) throws InterruptedException {
        String first;
        try (var front = new TestFrontEnd(backEnd.address())) {
            TestFrontEnd.Queue queue = start(front, backEnd.queue());
            if (!isServed(front, queue, ANSWER_MILLIS)) {
                return "does not serve at all";
            }
            first = afterwards(backEnd, trick, front, queue);
        }
        if (!first.equals(GOES_ON) && !first.equals(HANGS_UP) || !backEnd.servesAnother()) {
            return first;
        }
        try (var front = new TestFrontEnd(backEnd.address())) {
            front.empty(Protocol.GET_FEATURES);
            if (!front.isHeardWithin(backEnd.patience())) {
                return "**hangs**: the next is not answered";
            }
            front.answer(Protocol.GET_FEATURES);
            return isServed(front, start(front, backEnd.queue()), backEnd.patience()) ? first
                    : "**hangs**: the next is not served";
        } catch (VzException | AssertionError gone) {
            String ending = backEnd.ending();
            return ending != null ? ending : "**hangs**: the next is turned away";
        }
    }

    private static String afterwards(BackEnd backEnd, HostileTrick trick, TestFrontEnd front,
            TestFrontEnd.Queue queue) throws InterruptedException {
        boolean cut = false;
        try {
            trick.deed().accept(new HostileTrick.Stage(front, queue));
            Thread.sleep(STUMBLE_MILLIS);
            front.empty(Protocol.GET_FEATURES);
            if (!front.isHeardWithin(backEnd.patience())) {
                return "**hangs**";
            }
            cut = !front.channel.receive();
        } catch (VzException | AssertionError hungUp) {
            cut = true;
        }
        // A process that is about to end has hung up already.
        for (int i = 0; cut && i < 50 && backEnd.ending() == null; i++) {
            Thread.sleep(10);
        }
        String ending = backEnd.ending();
        return ending != null ? ending : cut ? HANGS_UP : GOES_ON;
    }

    private static List<String> verdicts(Maker maker) throws IOException, InterruptedException {
        List<String> verdicts = new ArrayList<>();
        BackEnd backEnd = maker.make();
        try {
            for (HostileTrick trick : HostileTrick.all()) {
                if (backEnd.ending() != null || !backEnd.servesAnother()) {
                    backEnd.close();
                    backEnd = maker.make();
                }
                String verdict = verdict(backEnd, trick);
                verdicts.add(verdict);
                if (!verdict.equals(GOES_ON) && !verdict.equals(HANGS_UP)) {
                    backEnd.close();
                    backEnd = maker.make();
                }
            }
        } finally {
            backEnd.close();
        }
        return verdicts;
    }

    private static void assertSurvived(List<String> verdicts) {
        for (int i = 0; i < verdicts.size(); i++) {
            assertThat(verdicts.get(i)).as(HostileTrick.all().get(i).name()).isIn(GOES_ON, HANGS_UP);
        }
    }

    @Test
    void ourDiskGoesOnWhateverIsDoneToIt() throws Exception {
        assertSurvived(verdicts(() -> ours(true)));
    }

    @Test
    void ourFolderGoesOnWhateverIsDoneToIt() throws Exception {
        assertSurvived(verdicts(() -> ours(false)));
    }

    @Test
    void whatBecomesOfOthersIsNoted() throws Exception {
        Peers.root();
        List<List<String>> columns = List.of(verdicts(() -> ours(true)), verdicts(this::storageDaemon),
                verdicts(() -> ours(false)), verdicts(this::virtiofsd));
        List<HostileTrick> tricks = HostileTrick.all();
        var table = new StringBuilder("| what the front end or its driver does | vz blk | qemu-storage-daemon | vz fs"
                + " | virtiofsd |\n|---|---|---|---|---|\n");
        for (int i = 0; i < tricks.size(); i++) {
            table.append("| ").append(tricks.get(i).name());
            for (List<String> column : columns) {
                table.append(" | ").append(column.get(i));
            }
            table.append(" |\n");
        }
        Path target = Files.createDirectories(Path.of("target"));
        Files.writeString(target.resolve("vhost-user-back-ends.md"), table, StandardCharsets.UTF_8);
        assertThat(columns).allSatisfy(column -> assertThat(column).hasSameSizeAs(tricks).noneMatch(
                verdict -> verdict.toLowerCase(Locale.ROOT).contains("does not serve at all")));
    }
}
