package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.samples.cli.bench.StorageBench.Group;
import dev.vz.samples.cli.bench.StorageRow.Contestant;
import dev.vz.samples.cli.bench.StorageRow.Unit;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The rows in which fio asks NBD servers for a raw disk, over a Unix socket. */
final class ServerRows {

    private static final int SECONDS_TO_LISTEN = 20;
    /** Where fio's terse output, version 3, has them. */
    private static final int READ_KIBIBYTES = 6;
    private static final int READ_IOPS = 7;
    private static final int WRITE_KIBIBYTES = 47;
    private static final int WRITE_IOPS = 48;

    private final StorageImages images;
    private final List<String> vz;
    private final int seconds;
    private final Path socket;

    ServerRows(StorageImages images, List<String> vz, int seconds) {
        this.images = images;
        this.vz = vz;
        this.seconds = seconds;
        this.socket = images.folder().resolve("nbd.socket");
    }

    List<StorageRow> all() {
        var rows = new ArrayList<StorageRow>();
        rows.add(row("NBD 4k random reads, depth 32", Unit.PER_SECOND, READ_IOPS, "randread", "4k", 32));
        rows.add(row("NBD 4k random reads, depth 1", Unit.PER_SECOND, READ_IOPS, "randread", "4k", 1));
        rows.add(row("NBD 4k random writes, depth 32", Unit.PER_SECOND, WRITE_IOPS, "randwrite", "4k", 32));
        rows.add(row("NBD 256k reads in order, depth 8", Unit.MEBIBYTES, READ_KIBIBYTES, "read", "256k", 8));
        rows.add(row("NBD 256k writes in order, depth 8", Unit.MEBIBYTES, WRITE_KIBIBYTES, "write", "256k", 8));
        return rows;
    }

    private StorageRow row(String name, Unit unit, int column, String pattern, String block, int depth) {
        List<String> work = List.of("--rw=" + pattern, "--bs=" + block, "--iodepth=" + depth);
        String at = socket.toString();
        return new StorageRow(Group.NBD, name, unit, List.of(
                new Contestant("qemu-nbd", () -> figure(List.of("qemu-nbd", "-k", at, "-t", "-e", "8", "-f", "raw",
                        "--cache=writeback", "--aio=io_uring", images.full()), unit, column, work)),
                new Contestant("vz", () -> figure(Stream.concat(vz.stream(), Stream.of("nbd", "serve", "-k", at, "-t",
                        "-e", "8", "-f", "raw", images.full())).toList(), unit, column, work)),
                new Contestant("nbdkit", () -> figure(List.of("nbdkit", "-f", "-U", at, "file", images.full()), unit,
                        column, work))));
    }

    private double figure(List<String> server, Unit unit, int column, List<String> work) throws IOException,
            InterruptedException {
        Files.deleteIfExists(socket);
        Process serving = Peer.start(new ProcessBuilder(server).redirectErrorStream(true).redirectOutput(images.folder()
                .resolve("server").toFile()), StorageImages.PACKAGES);
        try {
            await(serving, server);
            List<String> fio = Stream.concat(Stream.of("fio", "--name=vz", "--ioengine=nbd",
                    "--uri=nbd+unix:///?socket="
                            + socket,
                    "--size=" + images.size(), "--time_based", "--runtime=" + seconds, "--ramp_time=1",
                    "--minimal", "--terse-version=3"), work.stream()).toList();
            String said = images.said(fio).lines().filter(line -> line.startsWith("3;")).findFirst().orElse("");
            String[] columns = said.split(";", -1);
            if (columns.length <= WRITE_IOPS) {
                throw new GuestException("fio did not say what it measured of " + server.getFirst());
            }
            double value = Double.parseDouble(columns[column]);
            return unit == Unit.MEBIBYTES ? value / 1024 : value;
        } finally {
            serving.destroy();
            if (!serving.waitFor(SECONDS_TO_LISTEN, TimeUnit.SECONDS)) {
                serving.destroyForcibly();
            }
        }
    }

    private void await(Process serving, List<String> server) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_TO_LISTEN);
        while (!listens()) {
            if (!serving.isAlive() || System.nanoTime() > end) {
                throw new GuestException(server.getFirst() + " does not listen at " + socket + "; it said: " + Files
                        .readString(images.folder().resolve("server")).strip());
            }
            Thread.sleep(20);
        }
    }

    /** Whether somebody accepts connections: the socket's file is there before that. */
    private boolean listens() {
        try (var probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return probe.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException notYet) {
            return false;
        }
    }
}
