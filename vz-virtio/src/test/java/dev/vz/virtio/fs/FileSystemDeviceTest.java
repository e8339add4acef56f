package dev.vz.virtio.fs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.queue.QueueKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The shared folder (virtio 1.3, 5.11) with a client that keeps the rules, and with one that tries to get out. */
@Timeout(120)
class FileSystemDeviceTest {

    @TempDir
    Path temporary;
    private Path shared;

    @BeforeEach
    void folder() throws IOException {
        shared = Files.createDirectory(temporary.resolve("shared"));
        Files.writeString(temporary.resolve("secret"), "not for guests");
        Files.writeString(shared.resolve("hello"), "hello, guest");
    }

    private FuseDriver mount(QueueKind kind) {
        return new FuseDriver(SharedFolder.of(shared, false), kind.features);
    }

    @ParameterizedTest
    @EnumSource
    void aFileIsLookedUpOpenedAndRead(QueueKind kind) {
        try (FuseDriver guest = mount(kind)) {
            FuseDriver.Reply entry = guest.lookUp(1, "hello");
            assertThat(entry.errno()).isZero();
            assertThat(entry.entrySize()).isEqualTo(12);
            assertThat(entry.entryMode() & FileAttributes.TYPE).isEqualTo(FileAttributes.REGULAR);
            long handle = guest.open(entry.nodeId(), 0).body().getLong(0);
            assertThat(FuseDriver.text(guest.read(handle, 0, 100).body())).isEqualTo("hello, guest");
            assertThat(FuseDriver.text(guest.read(handle, 7, 3).body())).isEqualTo("gue");
            assertThat(guest.read(handle, 100, 3).body().remaining()).isZero();
            assertThat(guest.lookUp(1, "nothing").errno()).isEqualTo(FuseException.ENOENT);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFileIsCreatedAndWritten(QueueKind kind) throws IOException {
        try (FuseDriver guest = mount(kind)) {
            FuseDriver.Reply created = guest.create(1, "new");
            assertThat(created.errno()).isZero();
            long handle = created.body().getLong(128);
            byte[] data = "from the guest".getBytes(StandardCharsets.US_ASCII);
            assertThat(guest.write(handle, 0, data).body().getInt(0)).isEqualTo(data.length);
            assertThat(Files.readString(shared.resolve("new"))).isEqualTo("from the guest");
            assertThat(guest.request(FuseSession.FSYNC, 1, FuseDriver.args(16).putLong(handle)).errno()).isZero();
            assertThat(guest.request(FuseSession.RELEASE, 1, FuseDriver.args(24).putLong(handle)).errno()).isZero();
            assertThat(guest.write(handle, 0, data).errno()).isEqualTo(FuseException.EBADF);
            assertThat(guest.create(1, "new").errno()).isEqualTo(FuseException.EEXIST);
        }
    }

    private static List<String> list(FuseDriver guest, long node, int opcode, int room) {
        long handle = guest.request(FuseSession.OPENDIR, node, FuseDriver.args(8)).body().getLong(0);
        List<String> names = new ArrayList<>();
        long offset = 0;
        while (true) {
            ByteBuffer body = guest
                    .request(opcode, node, FuseDriver.args(40).putLong(handle).putLong(offset).putInt(room)).body();
            if (!body.hasRemaining()) {
                return names;
            }
            while (body.hasRemaining()) {
                body.position(body.position() + (opcode == FuseSession.READDIRPLUS ? 128 : 0));
                body.getLong();
                offset = body.getLong();
                var bytes = new byte[body.getInt()];
                body.getInt();
                body.get(bytes);
                names.add(new String(bytes, StandardCharsets.UTF_8));
                body.position(body.position() + 7 & ~7);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDirectoryIsListedInPieces(QueueKind kind) throws IOException {
        for (int i = 0; i < 50; i++) {
            Files.createFile(shared.resolve("file" + i));
        }
        try (FuseDriver guest = mount(kind)) {
            List<String> all = list(guest, 1, FuseSession.READDIR, 300);
            assertThat(all).hasSize(53).contains(".", "..", "hello", "file49").doesNotHaveDuplicates();
            assertThat(list(guest, 1, FuseSession.READDIRPLUS, 4096)).containsExactlyElementsOf(all);
        }
    }

    @Test
    void directoriesAreMadeRenamedAndRemoved() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long a = guest.makeDirectory(1, "a").nodeId();
            long b = guest.makeDirectory(a, "b").nodeId();
            assertThat(guest.create(b, "deep").errno()).isZero();
            assertThat(guest.rename(1, "a", 1, "z").errno()).isZero();
            assertThat(shared.resolve("z/b/deep")).exists();
            assertThat(guest.create(b, "deeper").errno()).as("the number still means the moved directory").isZero();
            assertThat(shared.resolve("z/b/deeper")).exists();
            assertThat(guest.request(FuseSession.RMDIR, a, FuseDriver.name("b")).errno())
                    .isEqualTo(FuseException.ENOTEMPTY);
            assertThat(guest.request(FuseSession.RMDIR, b, FuseDriver.name("deep")).errno())
                    .isEqualTo(FuseException.ENOTDIR);
            assertThat(guest.request(FuseSession.UNLINK, b, FuseDriver.name("deep")).errno()).isZero();
            assertThat(guest.request(FuseSession.UNLINK, a, FuseDriver.name("b")).errno())
                    .isEqualTo(FuseException.EISDIR);
            assertThat(guest.request(FuseSession.UNLINK, b, FuseDriver.name("deeper")).errno()).isZero();
            assertThat(guest.request(FuseSession.RMDIR, a, FuseDriver.name("b")).errno()).isZero();
        }
    }

    @Test
    void attributesAreChanged() throws IOException {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long node = guest.lookUp(1, "hello").nodeId();
            // FATTR_MODE | FATTR_SIZE | FATTR_MTIME
            ByteBuffer set = FuseDriver.args(88).putInt(0, 1 | 8 | 32).putLong(16, 5).putLong(40, 1_000_000_000)
                    .putInt(60, 500).putInt(68, 0600);
            FuseDriver.Reply reply = guest.request(FuseSession.SETATTR, node, set);
            assertThat(reply.errno()).isZero();
            assertThat(reply.body().getLong(16 + 8)).as("size").isEqualTo(5);
            assertThat(Files.readString(shared.resolve("hello"))).isEqualTo("hello");
            assertThat(Files.getAttribute(shared.resolve("hello"), "unix:mode")).isEqualTo(0100600);
            assertThat(Files.getLastModifiedTime(shared.resolve("hello")).toMillis()).isEqualTo(1_000_000_000_000L);
        }
    }

    @Test
    void linksAreMadeAndReadButNeverFollowed() throws IOException {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            assertThat(guest.symlink(1, "out", temporary.toString()).errno()).isZero();
            FuseDriver.Reply link = guest.lookUp(1, "out");
            assertThat(link.entryMode() & FileAttributes.TYPE).isEqualTo(FileAttributes.LINK);
            assertThat(FuseDriver.text(guest.request(FuseSession.READLINK, link.nodeId(), FuseDriver.args(0)).body()))
                    .isEqualTo(temporary.toString());
            assertThat(guest.lookUp(link.nodeId(), "secret").errno()).isNotZero();
            assertThat(guest.create(link.nodeId(), "planted").errno()).isNotZero();
            assertThat(temporary.resolve("planted")).doesNotExist();
            assertThat(guest.symlink(1, "file", temporary.resolve("secret").toString()).errno()).isZero();
            long file = guest.lookUp(1, "file").nodeId();
            assertThat(guest.open(file, 0).errno()).isNotZero();
            assertThat(guest.request(FuseSession.SETATTR, file,
                    FuseDriver.args(88).putInt(0, 8).putLong(16, 0)).errno()).isNotZero();
            assertThat(Files.readString(temporary.resolve("secret"))).isEqualTo("not for guests");
        }
    }

    @Test
    void aDirectoryThatIsReplacedByALinkLeadsNowhere() throws IOException {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long a = guest.makeDirectory(1, "a").nodeId();
            long b = guest.makeDirectory(a, "b").nodeId();
            assertThat(guest.request(FuseSession.RMDIR, a, FuseDriver.name("b")).errno()).isZero();
            assertThat(guest.symlink(a, "b", temporary.toString()).errno()).isZero();
            assertThat(guest.lookUp(b, "secret").errno()).as("the old number").isNotZero();
            // The same from outside, between two requests.
            long c = guest.makeDirectory(1, "c").nodeId();
            Files.delete(shared.resolve("c"));
            Files.createSymbolicLink(shared.resolve("c"), temporary);
            assertThat(guest.lookUp(c, "secret").errno()).isNotZero();
        }
    }

    @Test
    void namesThatAreNoNamesAreRefused() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            for (String name : new String[] {"..", ".", "", "a/b", "../secret", "/etc/passwd"}) {
                assertThat(guest.lookUp(1, name).errno()).as(name).isEqualTo(FuseException.EINVAL);
                assertThat(guest.create(1, name).errno()).as(name).isEqualTo(FuseException.EINVAL);
                assertThat(guest.rename(1, "hello", 1, name).errno()).as(name).isEqualTo(FuseException.EINVAL);
            }
            assertThat(guest.lookUp(1, "x".repeat(256)).errno()).isEqualTo(FuseException.ENAMETOOLONG);
            assertThat(guest.request(FuseSession.LOOKUP, 1, FuseDriver.args(3).put(new byte[] {-1, -2, 0})).errno())
                    .isEqualTo(FuseException.EILSEQ);
            assertThat(guest.request(FuseSession.LOOKUP, 1, FuseDriver.args(3).put(new byte[] {'a', 'b', 'c'})).errno())
                    .as("no end").isEqualTo(FuseException.EINVAL);
        }
    }

    @Test
    void pipesAndDevicesAreNeitherOpenedNorMade() throws Exception {
        Process mkfifo = new ProcessBuilder("mkfifo", shared.resolve("pipe").toString()).start();
        assertThat(mkfifo.waitFor()).isZero();
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long pipe = guest.lookUp(1, "pipe").nodeId();
            assertThat(guest.open(pipe, 0).errno()).isEqualTo(FuseException.EACCES);
            assertThat(guest.request(FuseSession.SETATTR, pipe, FuseDriver.args(88).putInt(0, 1).putInt(68, 0600))
                    .errno()).isEqualTo(FuseException.EPERM);
            ByteBuffer device = FuseDriver.args(16).putInt(0, 0060666).putInt(4, 0x800);
            assertThat(guest.request(FuseSession.MKNOD, 1, FuseDriver.withName(device, "sda")).errno())
                    .isEqualTo(FuseException.EPERM);
            ByteBuffer regular = FuseDriver.args(16).putInt(0, 0100644);
            assertThat(guest.request(FuseSession.MKNOD, 1, FuseDriver.withName(regular, "plain")).errno()).isZero();
            assertThat(shared.resolve("plain")).isRegularFile();
        }
    }

    @Test
    void aFolderThatIsSharedForReadingStaysAsItIs() throws IOException {
        try (FuseDriver guest = new FuseDriver(SharedFolder.of(shared, true), QueueKind.SPLIT.features)) {
            long node = guest.lookUp(1, "hello").nodeId();
            assertThat(guest.open(node, 2).errno()).isEqualTo(FuseException.EROFS);
            assertThat(guest.open(node, 01000).errno()).as("O_TRUNC").isEqualTo(FuseException.EROFS);
            assertThat(guest.create(1, "x").errno()).isEqualTo(FuseException.EROFS);
            assertThat(guest.makeDirectory(1, "x").errno()).isEqualTo(FuseException.EROFS);
            assertThat(guest.rename(1, "hello", 1, "x").errno()).isEqualTo(FuseException.EROFS);
            assertThat(guest.symlink(1, "x", "y").errno()).isEqualTo(FuseException.EROFS);
            assertThat(guest.request(FuseSession.UNLINK, 1, FuseDriver.name("hello")).errno())
                    .isEqualTo(FuseException.EROFS);
            assertThat(guest.request(FuseSession.SETATTR, node, FuseDriver.args(88).putInt(0, 1)).errno())
                    .isEqualTo(FuseException.EROFS);
            assertThat(guest.open(node, 0).errno()).isZero();
            assertThat(Files.readString(shared.resolve("hello"))).isEqualTo("hello, guest");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aZipArchiveIsShared(QueueKind kind) throws IOException {
        Path archive = temporary.resolve("a.zip");
        try (FileSystem zip = FileSystems.newFileSystem(archive, Map.of("create", "true"))) {
            Files.createDirectory(zip.getPath("/docs"));
            Files.writeString(zip.getPath("/docs/readme"), "zipped");
        }
        try (FileSystem zip = FileSystems.newFileSystem(archive);
                FuseDriver guest = new FuseDriver(SharedFolder.of(zip.getPath("/"), false), kind.features)) {
            long docs = guest.lookUp(1, "docs").nodeId();
            assertThat(list(guest, 1, FuseSession.READDIR, 4096)).contains("docs");
            assertThat(list(guest, docs, FuseSession.READDIR, 4096)).contains("readme");
            FuseDriver.Reply entry = guest.lookUp(docs, "readme");
            assertThat(entry.entrySize()).isEqualTo(6);
            long handle = guest.open(entry.nodeId(), 0).body().getLong(0);
            assertThat(FuseDriver.text(guest.read(handle, 0, 100).body())).isEqualTo("zipped");
            assertThat(FuseDriver.text(guest.read(handle, 3, 100).body())).isEqualTo("ped");
            long written = guest.create(docs, "new").body().getLong(128);
            assertThat(guest.write(written, 0, new byte[] {'o', 'k'}).body().getInt(0)).isEqualTo(2);
            guest.request(FuseSession.RELEASE, 1, FuseDriver.args(24).putLong(written));
            assertThat(Files.readString(zip.getPath("/docs/new"))).isEqualTo("ok");
            guest.request(FuseSession.RELEASE, 1, FuseDriver.args(24).putLong(handle));
            long changed = guest.open(entry.nodeId(), 1).body().getLong(0);
            guest.write(changed, 0, new byte[] {'Z'});
            guest.request(FuseSession.RELEASE, 1, FuseDriver.args(24).putLong(changed));
            assertThat(Files.readString(zip.getPath("/docs/readme"))).as("the rest stays").isEqualTo("Zipped");
        }
    }

    @Test
    void numbersThatAreForgottenAreGone() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long node = guest.lookUp(1, "hello").nodeId();
            assertThat(guest.lookUp(1, "hello").nodeId()).isEqualTo(node);
            forget(guest, node, 1);
            assertThat(guest.request(FuseSession.GETATTR, node, FuseDriver.args(16)).errno()).isZero();
            forget(guest, node, 1);
            assertThat(guest.request(FuseSession.GETATTR, node, FuseDriver.args(16)).errno())
                    .isEqualTo(FuseException.ESTALE);
            forget(guest, 1, Long.MAX_VALUE);
            forget(guest, 12345, -1);
            assertThat(guest.request(FuseSession.GETATTR, 1, FuseDriver.args(16)).errno()).isZero();
        }
    }

    private static void forget(FuseDriver guest, long node, long count) {
        guest.header(FuseSession.FORGET, node, 48);
        guest.driver.memory.writeLong(FuseDriver.REQUEST + 40, count);
        guest.driver.submit(0, guest.urgent, Buffer.readable(FuseDriver.REQUEST, 48));
        assertThat(guest.urgent.complete()).hasValueSatisfying(done -> assertThat(done.written()).isZero());
    }

    @Test
    void noMoreIsOpenedThanTheLimit() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            int opened = 0;
            while (guest.request(FuseSession.OPENDIR, 1, FuseDriver.args(8)).errno() == 0) {
                opened++;
            }
            assertThat(opened).isEqualTo(HandleTable.MOST);
            assertThat(guest.request(FuseSession.OPENDIR, 1, FuseDriver.args(8)).errno())
                    .isEqualTo(FuseException.EMFILE);
        }
    }

    @Test
    void foldersThatAreDeeperThanCanBeReachedAreRefused() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long node = 1;
            for (int depth = 0; depth < 1200; depth++) {
                node = guest.makeDirectory(node, "d").nodeId();
            }
            // While the way down is held the deepest can be used; then others take its place.
            assertThat(guest.makeDirectory(node, "d").errno()).isZero();
            for (int i = 0; i < 300; i++) {
                long other = guest.makeDirectory(1, "other" + i).nodeId();
                assertThat(guest.lookUp(other, "nothing").errno()).isEqualTo(FuseException.ENOENT);
            }
            assertThat(guest.lookUp(node, "d").errno()).isEqualTo(FuseException.ENAMETOOLONG);
            assertThat(guest.lookUp(1, "hello").errno()).isZero();
            assertThat(guest.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @Test
    void anAnswerWithoutRoomNeedsAReset() {
        try (FuseDriver guest = mount(QueueKind.PACKED)) {
            guest.header(FuseSession.GETATTR, 1, 56);
            guest.driver.submit(1, guest.requests, Buffer.readable(FuseDriver.REQUEST, 56),
                    Buffer.writable(FuseDriver.REPLY, 15));
            assertThat(guest.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void theFileSystemsSizeIsTold() {
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            FuseDriver.Reply reply = guest.request(FuseSession.STATFS, 1, FuseDriver.args(0));
            assertThat(reply.errno()).isZero();
            assertThat(reply.body().remaining()).isEqualTo(80);
            assertThat(reply.body().getLong(0)).isPositive();
        }
    }

    @Test
    void aSavedMountGoesOn() throws IOException {
        FileSystemState state;
        long handle;
        long deep;
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            long a = guest.makeDirectory(1, "a").nodeId();
            FuseDriver.Reply created = guest.create(a, "deep");
            deep = created.nodeId();
            handle = created.body().getLong(128);
            state = guest.device.save();
        }
        try (FuseDriver guest = mount(QueueKind.SPLIT)) {
            guest.device.restore(state);
            assertThat(guest.write(handle, 0, new byte[] {'!'}).body().getInt(0)).isEqualTo(1);
            assertThat(Files.readString(shared.resolve("a/deep"))).isEqualTo("!");
            assertThat(guest.request(FuseSession.GETATTR, deep, FuseDriver.args(16)).errno()).isZero();
            assertThat(guest.device.save()).isEqualTo(state);
        }
    }

    @Test
    void tagsAndFoldersAreChecked() {
        assertThatThrownBy(() -> SharedFolder.of(shared.resolve("hello"), true))
                .isInstanceOf(ConfigurationException.class);
        try (SharedFolder folder = SharedFolder.of(shared, true)) {
            assertThatThrownBy(() -> new FileSystemDevice("x".repeat(37), folder))
                    .isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void randomRequestsStayInTheFolder() throws IOException {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        String[] names = {"hello", "a", "b", "..", "../secret", "c/d", ""};
        try (FuseDriver guest = mount(QueueKind.SPLIT_EVENT_IDX)) {
            for (int i = 0; i < 3000; i++) {
                int opcode = random.nextInt(50);
                if (opcode == FuseSession.FORGET || opcode == FuseSession.BATCH_FORGET
                        || opcode == FuseSession.INTERRUPT) {
                    continue;
                }
                ByteBuffer body = FuseDriver.withName(FuseDriver.args(8 * random.nextInt(12)),
                        names[random.nextInt(names.length)], names[random.nextInt(names.length)]);
                for (int at = 0; at + 8 < body.capacity() && random.nextBoolean(); at += 8) {
                    body.putLong(at, random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(5));
                }
                guest.request(opcode, 1 + random.nextInt(6), body);
            }
            assertThat(guest.driver.host.status() & DeviceHost.NEEDS_RESET).as("seed %d", seed).isZero();
        }
        assertThat(Files.readString(temporary.resolve("secret"))).isEqualTo("not for guests");
        try (var outside = Files.list(temporary)) {
            assertThat(outside.filter(path -> !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))).as("seed %d", seed)
                    .containsExactly(temporary.resolve("secret"));
        }
    }
}
