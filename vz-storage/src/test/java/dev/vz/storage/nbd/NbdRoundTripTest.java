package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.CapabilityException;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Our client on our server. */
@Timeout(120)
class NbdRoundTripTest {

    private static final int SIZE = 8 << 20;

    @TempDir
    Path folder;

    private final Arena arena = Arena.ofShared();
    private final List<AutoCloseable> open = new ArrayList<>();
    private NbdServer server;
    private Path socket;

    @BeforeEach
    void listen() {
        server = new NbdServer(NbdServerOptions.DEFAULT);
        socket = folder.resolve("nbd.sock");
        server.listen(UnixAddress.of(socket));
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open.reversed()) {
            each.close();
        }
        server.close();
        arena.close();
    }

    private <T extends AutoCloseable> T keep(T resource) {
        open.add(resource);
        return resource;
    }

    private NbdClient connect(String export, NbdClientOptions options) {
        return keep(NbdClient.open(NbdUri.unix(socket, export), options));
    }

    private MemorySegment pattern(int length, int seed) {
        MemorySegment data = arena.allocate(length);
        var random = new Random(seed);
        for (int i = 0; i < length; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        return data;
    }

    @Test
    void whatIsWrittenIsRead() {
        server.add(NbdExport.of("disk", keep(MemoryBlockDevice.ofSize(SIZE))).withDescription("a disk"));
        NbdClient client = connect("disk", NbdClientOptions.DEFAULT);
        assertThat(client.info().size()).isEqualTo(SIZE);
        assertThat(client.export().description()).isEqualTo("a disk");
        MemorySegment data = pattern(3 << 20, 1);
        client.write(4096, data);
        MemorySegment back = arena.allocate(data.byteSize());
        client.read(4096, back);
        assertThat(data.mismatch(back)).isEqualTo(-1);
        client.flush();
        client.writeZeroes(8192, 4096);
        MemorySegment zeros = arena.allocate(4096);
        client.read(8192, zeros);
        assertThat(zeros.mismatch(arena.allocate(4096))).isEqualTo(-1);
        client.discard(0, SIZE);
    }

    @Test
    void bothKindsOfReplyCarryTheSame() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))));
        NbdClient structured = connect("", NbdClientOptions.DEFAULT);
        NbdClient simple = connect("", NbdClientOptions.DEFAULT.withStructured(false));
        assertThat(structured.export().structured()).isTrue();
        assertThat(simple.export().structured()).isFalse();
        MemorySegment data = pattern(100_000, 2);
        simple.write(1000, data);
        MemorySegment back = arena.allocate(data.byteSize());
        structured.read(1000, back);
        assertThat(data.mismatch(back)).isEqualTo(-1);
        simple.read(1000, back.fill((byte) 0));
        assertThat(data.mismatch(back)).isEqualTo(-1);
    }

    @Test
    void manyRequestsFromManyThreadsOverSeveralConnectionsAgreeWithAModel() throws Exception {
        var device = keep(MemoryBlockDevice.ofSize(SIZE));
        server.add(NbdExport.of("", device));
        try (IoEngine engine = IoEngine.threads(2)) {
            NbdClient client = connect("", NbdClientOptions.DEFAULT.withConnections(3));
            var failures = new ArrayList<Throwable>();
            var threads = new ArrayList<Thread>();
            for (int t = 0; t < 4; t++) {
                int mine = t;
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        randomWork(client, mine, 400);
                    } catch (Throwable failure) {
                        synchronized (failures) {
                            failures.add(failure);
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
        }
    }

    /** Works on a quarter of the disk that is its own. */
    private void randomWork(BlockDevice device, int quarter, int operations) {
        int size = SIZE / 4;
        long base = (long) quarter * size;
        var model = new byte[size];
        var random = new Random(quarter);
        try (Arena local = Arena.ofShared()) {
            MemorySegment buffer = local.allocate(300_000);
            for (int i = 0; i < operations; i++) {
                int offset = random.nextInt(size);
                int length = 1 + random.nextInt(Math.min(random.nextInt(8) == 0 ? 300_000 : 9000, size - offset));
                MemorySegment piece = buffer.asSlice(0, length);
                switch (random.nextInt(4)) {
                    case 0, 1 -> {
                        piece.fill((byte) random.nextInt());
                        piece.set(ValueLayout.JAVA_BYTE, length - 1, (byte) i);
                        device.write(base + offset, piece);
                        MemorySegment.copy(piece, ValueLayout.JAVA_BYTE, 0, model, offset, length);
                    }
                    case 2 -> {
                        device.writeZeroes(base + offset, length);
                        java.util.Arrays.fill(model, offset, offset + length, (byte) 0);
                    }
                    default -> {
                        device.read(base + offset, piece);
                        assertThat(piece.mismatch(MemorySegment.ofArray(model).asSlice(offset, length))).isEqualTo(-1);
                    }
                }
            }
        }
    }

    @Test
    void anAsynchronousDeviceAnswersInAnyOrder() throws Exception {
        Path file = folder.resolve("disk.raw");
        try (HostFile made = HostFile.create(file)) {
            made.resize(SIZE);
        }
        IoEngine engine = keep(IoEngine.threads(4));
        server.add(NbdExport.of("", keep(DiskImage.open(file, ImageFormat.RAW,
                OpenOptions.DEFAULT.withEngine(engine)))));
        NbdClient client = connect("", NbdClientOptions.DEFAULT);
        int count = 600; // more than the client's depth and the server's limit
        var done = new CountDownLatch(count);
        var bad = new AtomicInteger();
        for (int i = 0; i < count; i++) {
            MemorySegment data = arena.allocate(8192).fill((byte) i);
            client.submit(new BlockRequest().prepare(Operation.WRITE, i * 8192L, 8192, 0).addBuffer(data)
                    .onCompletion((request, result) -> {
                        if (result != BlockResult.OK) {
                            bad.incrementAndGet();
                        }
                        done.countDown();
                    }));
        }
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(bad).hasValue(0);
        MemorySegment back = arena.allocate(8192);
        for (int i = 0; i < count; i++) {
            client.read(i * 8192L, back);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 4000)).isEqualTo((byte) i);
        }
    }

    @Test
    void scatteredAndHeapBuffersWork() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))));
        NbdClient client = connect("", NbdClientOptions.DEFAULT);
        MemorySegment data = pattern(10_000, 3);
        client.await(new BlockRequest().prepare(Operation.WRITE, 77, 10_000, 0).addBuffer(data, 0, 1)
                .addBuffer(data, 1, 5000).addBuffer(data, 5001, 4999));
        MemorySegment heap = MemorySegment.ofArray(new byte[10_000]);
        client.read(77, heap);
        assertThat(data.mismatch(heap)).isEqualTo(-1);
        MemorySegment parts = arena.allocate(10_000);
        client.await(new BlockRequest().prepare(Operation.READ, 77, 10_000, 0).addBuffer(parts, 0, 3333)
                .addBuffer(parts, 3333, 3333).addBuffer(parts, 6666, 3334));
        assertThat(data.mismatch(parts)).isEqualTo(-1);
    }

    @Test
    void aRequestLongerThanTheProtocolTakesGoesInParts() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(80 << 20))));
        NbdClient client = connect("", NbdClientOptions.DEFAULT);
        MemorySegment data = arena.allocate(70 << 20);
        for (long i = 0; i < data.byteSize(); i += 4096) {
            data.set(ValueLayout.JAVA_LONG, i, i * 31);
        }
        client.write(512, data);
        MemorySegment back = arena.allocate(data.byteSize());
        client.read(512, back);
        assertThat(data.mismatch(back)).isEqualTo(-1);
    }

    @Test
    void aReadOnlyExportRefusesWrites() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))).withReadOnly(true));
        NbdClient client = connect("", NbdClientOptions.DEFAULT);
        assertThat(client.info().readOnly()).isTrue();
        assertThatThrownBy(() -> client.write(0, arena.allocate(512)))
                .isInstanceOfSatisfying(BlockDevice.BlockException.class,
                        failure -> assertThat(failure.result()).isEqualTo(BlockResult.READ_ONLY));
    }

    @Test
    void anUnknownExportIsRefusedByName() {
        assertThatThrownBy(() -> connect("nowhere", NbdClientOptions.DEFAULT))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("export 'nowhere' not present");
    }

    @Test
    void exportsAreListedWithWhatTheyAreLike() {
        server.add(NbdExport.of("b", keep(MemoryBlockDevice.ofSize(SIZE))).withReadOnly(true));
        server.add(NbdExport.of("a", keep(MemoryBlockDevice.ofSize(4096))).withDescription("first"));
        List<ExportInfo> exports = NbdClient.list(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT);
        assertThat(exports).extracting(ExportInfo::name).containsExactly("a", "b");
        assertThat(exports).extracting(ExportInfo::size).containsExactly(4096L, (long) SIZE);
        assertThat(exports).extracting(ExportInfo::readOnly).containsExactly(false, true);
        assertThat(exports).extracting(ExportInfo::description).containsExactly("first", "");
        assertThat(NbdClient.contexts(NbdUri.unix(socket, "a"), NbdClientOptions.DEFAULT))
                .containsExactly("base:allocation");
    }

    @Test
    void blockStatusTellsHolesAndBitmapsTellChanges() {
        Path file = folder.resolve("sparse.raw");
        try (HostFile made = HostFile.create(file)) {
            made.resize(SIZE);
            made.write(1 << 20, arena.allocate(65536).fill((byte) 1));
        }
        DiskImage image = keep(DiskImage.open(file, ImageFormat.RAW, OpenOptions.DEFAULT));
        server.add(NbdExport.of("", image).withContext(MetadataContext.dirtyBitmap("b0", (offset,
                length) -> offset < 4096 ? new MetadataContext.Run(Math.min(length, 4096 - offset), 1)
                        : new MetadataContext.Run(length, 0))));
        NbdClient client = connect("", NbdClientOptions.DEFAULT
                .withContexts(List.of("base:allocation", "qemu:dirty-bitmap:b0")));
        assertThat(client.status(0, SIZE)).isEqualTo(new BlockExtent(0, 1 << 20, false, true));
        assertThat(client.status(1 << 20, 65536)).isEqualTo(new BlockExtent(1 << 20, 65536, true, false));
        assertThat(client.runs(0, SIZE, "qemu:dirty-bitmap:b0")).containsExactly(new MetadataContext.Run(4096, 1),
                new MetadataContext.Run(SIZE - 4096, 0));
    }

    @Test
    void anExportIsResizedThroughTheProtocol() {
        Path file = folder.resolve("small.raw");
        try (HostFile made = HostFile.create(file)) {
            made.resize(4096);
        }
        DiskImage image = keep(DiskImage.open(file, ImageFormat.RAW, OpenOptions.DEFAULT));
        server.add(NbdExport.of("", image));
        var client = (BlockDevice.Resizable) connect("", NbdClientOptions.DEFAULT);
        var told = new AtomicInteger();
        client.onResize(told::incrementAndGet);
        client.resize(1 << 20);
        assertThat(client.info().size()).isEqualTo(1 << 20);
        assertThat(image.info().size()).isEqualTo(1 << 20);
        assertThat(told).hasValue(1);
        client.write((1 << 20) - 512, arena.allocate(512).fill((byte) 7));
    }

    @Test
    void tcpWorksLikeAUnixSocket() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))));
        InetSocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        NbdClient client = keep(NbdClient.open(NbdUri.tcp("127.0.0.1", address.getPort(), ""),
                NbdClientOptions.DEFAULT.withConnections(2)));
        MemorySegment data = pattern(500_000, 4);
        client.write(123, data);
        MemorySegment back = arena.allocate(data.byteSize());
        client.read(123, back);
        assertThat(data.mismatch(back)).isEqualTo(-1);
    }

    @Test
    void aServersEndFailsRequestsInsteadOfHanging() {
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))));
        NbdClient client = connect("", NbdClientOptions.DEFAULT);
        server.close();
        assertThatThrownBy(() -> {
            for (int i = 0; i < 100; i++) {
                client.read(0, arena.allocate(512));
                Thread.sleep(10);
            }
        }).isInstanceOf(BlockDevice.BlockException.class).hasMessageContaining("hung up");
        open.remove(client);
        client.close();
    }

    @Test
    void clientsBeyondTheLimitWaitForTheirTurn() throws Exception {
        server.close();
        server = new NbdServer(NbdServerOptions.DEFAULT.withMaxConnections(1));
        server.listen(UnixAddress.of(socket));
        server.add(NbdExport.of("", keep(MemoryBlockDevice.ofSize(SIZE))));
        NbdClient first = NbdClient.open(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT);
        var second = new CountDownLatch(1);
        Thread waiter = Thread.ofPlatform().start(() -> {
            NbdClient.open(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT).close();
            second.countDown();
        });
        assertThat(second.await(300, TimeUnit.MILLISECONDS)).isFalse();
        first.close();
        assertThat(second.await(60, TimeUnit.SECONDS)).isTrue();
        waiter.join();
    }

}
