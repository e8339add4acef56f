package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.socket.UnixAddress;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** libnbd's tools, fio and QEMU as clients of our server. */
@Timeout(120)
class JudgesOfTheServerTest {

    private static final long SIZE = 16 << 20;

    @TempDir
    Path folder;

    private Path disk;
    private Path socket;
    private DiskImage image;
    private NbdServer server;

    @BeforeEach
    void serve() {
        disk = folder.resolve("disk.raw");
        try (HostFile file = HostFile.create(disk); Arena arena = Arena.ofConfined()) {
            file.resize(SIZE);
            var data = arena.allocate(3 << 20);
            var random = new Random(7);
            for (long i = 0; i < data.byteSize(); i += 8) {
                data.set(ValueLayout.JAVA_LONG, i, random.nextLong());
            }
            file.write(1 << 20, data);
        }
        image = DiskImage.open(disk, ImageFormat.RAW, OpenOptions.DEFAULT);
        socket = folder.resolve("s");
        server = new NbdServer(NbdServerOptions.DEFAULT);
        server.add(NbdExport.of("", image).withDescription("what the judges see"));
        server.add(NbdExport.of("ro", image).withReadOnly(true).withContext(MetadataContext.dirtyBitmap("b0",
                (offset, length) -> new MetadataContext.Run(Math.min(length, 65536), (int) (offset >> 16) & 1))));
        server.listen(UnixAddress.of(socket));
    }

    @AfterEach
    void close() {
        server.close();
        image.close();
    }

    private String uri(String export) {
        return "nbd+unix:///" + export + "?socket=" + socket;
    }

    @Test
    void nbdinfoSeesWhatIsOffered() {
        String info = Tool.ok("libnbd-bin", "nbdinfo", "--json", uri(""));
        assertThat(info).contains("\"export-size\": " + SIZE, "\"description\": \"what the judges see\"",
                "\"is_read_only\": false", "\"can_fast_zero\": true", "\"can_multi_conn\": true",
                "\"can_trim\": true", "\"can_fua\": true", "\"can_df\": true", "\"structured\": true",
                "base:allocation");
        assertThat(Tool.ok("libnbd-bin", "nbdinfo", "--list", uri(""))).contains("export=\"\"", "export=\"ro\"",
                "qemu:dirty-bitmap:b0");
        assertThat(Tool.ok("libnbd-bin", "nbdinfo", "--size", uri("ro")).strip()).isEqualTo("" + SIZE);
    }

    @Test
    void nbdinfoMapsHolesAndChanges() {
        assertThat(Tool.ok("libnbd-bin", "nbdinfo", "--map", uri("")).lines().map(line -> line.strip()
                .replaceAll(" +", " "))).containsExactly("0 1048576 3 hole,zero", "1048576 3145728 0 data",
                        "4194304 12582912 3 hole,zero");
        assertThat(Tool.ok("libnbd-bin", "nbdinfo", "--map=qemu:dirty-bitmap:b0", uri("ro")).lines().limit(2)
                .map(line -> line.strip().replaceAll(" +", " "))).containsExactly("0 65536 0 clean",
                        "65536 65536 1 dirty");
    }

    @Test
    void nbdcopyBringsTheDiskOutAndIn() throws IOException {
        Path copy = folder.resolve("copy.raw");
        Tool.ok("libnbd-bin", "nbdcopy", uri("ro"), copy);
        assertThat(Files.mismatch(disk, copy)).isEqualTo(-1);
        byte[] changed = Files.readAllBytes(copy);
        new Random(8).nextBytes(changed);
        Files.write(copy, changed);
        Tool.ok("libnbd-bin", "nbdcopy", "--flush", copy, uri(""));
        assertThat(Files.mismatch(disk, copy)).isEqualTo(-1);
    }

    @Test
    void nbdshGetsTheErrorsThatTheProtocolNames() {
        String script = """
                import errno
                h.set_strict_mode(0)
                h.add_meta_context("base:allocation")
                h.connect_uri(uri)
                def fails(number, call):
                    try:
                        call()
                    except nbd.Error as failure:
                        assert failure.errnum == number, failure
                        return
                    raise AssertionError("it went well")
                size = h.get_size()
                fails(errno.EINVAL, lambda: h.pread(512, size))
                fails(errno.ENOSPC, lambda: h.pwrite(bytes(512), size - 256))
                fails(errno.EINVAL, lambda: h.trim(512, size))
                h.pwrite(b"x" * 70000, 12345, nbd.CMD_FLAG_FUA)
                assert h.pread(70000, 12345) == b"x" * 70000
                assert h.pread(70000, 12345, nbd.CMD_FLAG_DF) == b"x" * 70000
                h.zero(4096, 16384, nbd.CMD_FLAG_FAST_ZERO)
                assert h.pread(4096, 16384) == bytes(4096)
                h.zero(4096, 20480, nbd.CMD_FLAG_NO_HOLE)
                h.trim(65536, 0, nbd.CMD_FLAG_FUA)
                h.cache(65536, 0)
                h.flush()
                found = []
                h.block_status(size, 0, lambda context, offset, entries, error: found.append(entries))
                assert sum(found[0][0::2]) == size
                h.block_status(size, 0, lambda context, offset, entries, error: found.append(entries),
                               nbd.CMD_FLAG_REQ_ONE)
                assert len(found[1]) == 2
                cookies = [h.aio_pread(nbd.Buffer(4096), i * 4096) for i in range(200)]
                while cookies:
                    h.poll(-1)
                    cookies = [c for c in cookies if not h.aio_command_completed(c)]
                h.shutdown()
                """;
        Tool.ok("python3-libnbd", "nbdsh", "-c", "uri = '" + uri("") + "'", "-c", script);
        Tool.ok("python3-libnbd", "nbdsh", "-c", """
                h.set_strict_mode(0)
                h.connect_uri("%s")
                try:
                    h.pwrite(bytes(512), 0)
                    raise AssertionError("a read-only export was written")
                except nbd.Error as failure:
                    assert failure.errno == "EPERM", failure
                """.formatted(uri("ro")));
    }

    @Test
    void qemuReadsWritesAndMapsThroughTheServer() throws IOException {
        Tool.ok("qemu-utils", "qemu-io", "-f", "raw", "-c", "write -P 0x5a 64k 100k", "-c", "write -z 128k 64k", "-c",
                "discard 0 64k", "-c", "write -f -P 3 8M 1M", "-c", "read -P 0x5a 64k 64k", "-c", "flush", uri(""));
        Tool.ok("qemu-utils", "qemu-img", "compare", "-f", "raw", "-F", "raw", uri("ro"), disk);
        assertThat(Tool.ok("qemu-utils", "qemu-img", "map", "--output=json", "-f", "raw", uri("ro")))
                .contains("\"start\": 8388608, \"length\": 1048576", "\"data\": true");
        Path converted = folder.resolve("converted.qcow2");
        Tool.ok("qemu-utils", "qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri("ro"), converted);
        Tool.ok("qemu-utils", "qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, converted);
    }

    @Test
    void fioVerifiesWhatItWrote() {
        String report = Tool.ok("fio", "fio", "--name=verify", "--ioengine=nbd", "--uri=" + uri(""), "--rw=randwrite",
                "--bssplit=512/20:4k/40:64k/40", "--iodepth=32", "--size=8M", "--verify=crc32c", "--do_verify=1",
                "--verify_state_save=0", "--randseed=5");
        assertThat(report).contains("err= 0");
    }
}
