package dev.vz.benchmarks.virtio;

import dev.vz.linux.socket.UnixAddress;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.vhost.VhostUserServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Frames per second between a guest's driver (DPDK's virtio-user in testpmd) and a vhost-user back end: ours in this
 * process, and DPDK's vhost in another testpmd. They take turns; what is printed is the driver's own count.
 *
 * <p>
 * {@code java … CardAgainstDpdk [rounds] [seconds] [frame bytes] [driver options]}
 */
public final class CardAgainstDpdk {

    private static final Pattern RATE = Pattern.compile("(?m)^\\s*([RT])x-pps:\\s+(\\d+)");

    private final Path folder;
    private final int seconds;
    private final int size;
    private final String options;

    private CardAgainstDpdk(Path folder, int seconds, int size, String options) {
        this.folder = folder;
        this.seconds = seconds;
        this.size = size;
        this.options = options;
    }

    /** Runs it. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
        var run = new CardAgainstDpdk(Files.createTempDirectory("vz-vhost"),
                arguments.length > 1 ? Integer.parseInt(arguments[1]) : 4,
                arguments.length > 2 ? Integer.parseInt(arguments[2]) : 64,
                arguments.length > 3 ? arguments[3] : "mrg_rxbuf=1,in_order=0");
        for (boolean sends : new boolean[] {true, false}) {
            var ours = new double[rounds];
            var theirs = new double[rounds];
            for (int i = 0; i < rounds; i++) {
                ours[i] = run.ours(sends);
                theirs[i] = run.theirs(sends);
                System.out.printf(Locale.ROOT, "guest %s, round %d: vz %.2f Mpps, DPDK %.2f Mpps%n",
                        sends ? "sends" : "receives", i + 1, ours[i], theirs[i]);
            }
            Arrays.sort(ours);
            Arrays.sort(theirs);
            System.out.printf(Locale.ROOT, "guest %s %d-byte frames (%s): medians of %d, vz %.2f Mpps, DPDK %.2f Mpps,"
                    + " ratio %.2f%n", sends ? "sends" : "receives", run.size, run.options, rounds, ours[rounds / 2],
                    theirs[rounds / 2], ours[rounds / 2] / theirs[rounds / 2]);
        }
    }

    private double ours(boolean guestSends) throws IOException, InterruptedException {
        Path socket = folder.resolve("vz");
        try (var port = new Frames(guestSends ? 0 : size);
                var server = VhostUserServer.serve(NetworkCard.dataPath(port, 1), UnixAddress.of(socket),
                        new VhostUserServer.Options(1, 1_000_000))) {
            double rate = driver(socket, guestSends);
            if (rate == 0) {
                throw new IOException(server + ": no frame came through");
            }
            return rate;
        }
    }

    private double theirs(boolean guestSends) throws IOException, InterruptedException {
        Path socket = folder.resolve("dpdk");
        Process host = testpmd("host", "1", "net_vhost0,iface=" + socket + ",queues=1", guestSends ? "rxonly" : "txonly",
                List.of("--no-lsc-interrupt"), folder.resolve("host.out"));
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (!Files.exists(socket) && host.isAlive() && System.nanoTime() < end) {
                Thread.sleep(10);
            }
            return driver(socket, guestSends);
        } finally {
            host.destroy();
            host.waitFor();
            Files.deleteIfExists(socket);
        }
    }

    /** The guest's driver: median of what it says each second, in millions, without the first and the last two. */
    private double driver(Path socket, boolean sends) throws IOException, InterruptedException {
        Path output = folder.resolve("guest.out");
        Process guest = testpmd("guest", "0", "net_virtio_user0,path=" + socket + ",queues=1,queue_size=1024," + options,
                sends ? "txonly" : "rxonly", List.of("--stats-period", "1"), output);
        Thread.sleep(TimeUnit.SECONDS.toMillis(seconds + 3L));
        guest.destroy();
        guest.waitFor();
        List<Double> rates = new ArrayList<>();
        Matcher matcher = RATE.matcher(Files.readString(output));
        while (matcher.find()) {
            if (matcher.group(1).equals(sends ? "T" : "R")) {
                rates.add(Long.parseLong(matcher.group(2)) / 1e6);
            }
        }
        if (rates.size() < 3) {
            throw new IOException("testpmd told no rates:\n" + Files.readString(output));
        }
        List<Double> middle = new ArrayList<>(rates.subList(1, rates.size()));
        middle.sort(null);
        return middle.get(middle.size() / 2);
    }

    private Process testpmd(String role, String mainCore, String device, String mode, List<String> more, Path output)
            throws IOException {
        List<String> command = new ArrayList<>(List.of("dpdk-testpmd", "-l", "0,1", "--main-lcore=" + mainCore,
                "--no-pci", "--no-huge", "-m", "256", "--no-telemetry", "--file-prefix=vz-" + role, "--vdev", device,
                "--", "--auto-start", "--forward-mode=" + mode, "--total-num-mbufs=16384", "--no-mlockall",
                "--txpkts=" + size));
        command.addAll(more);
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
    }
}
