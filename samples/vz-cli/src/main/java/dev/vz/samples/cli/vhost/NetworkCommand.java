package dev.vz.samples.cli.vhost;

import dev.vz.link.LinkPort;
import dev.vz.virtio.net.NetCounters;
import dev.vz.virtio.net.NetworkCard;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz vhost-user net}: a network card. */
@Command(name = "net", mixinStandardHelpOptions = true, sortOptions = false, header = "Serves a virtio network card.")
final class NetworkCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions service;

    @Option(names = "--link", required = true, paramLabel = "LINK", description = {"What the card is plugged into:",
        "discard        what it sends is counted and dropped",
        "echo           what it sends comes back, with its addresses exchanged",
        "generate=SIZE  the same as discard, and it receives frames of SIZE bytes without end"})
    @SuppressWarnings("NullAway.Init")
    private String link;

    @Option(names = "--report", paramLabel = "SECONDS", defaultValue = "0", description = "Tell what has passed every so often (default: never).")
    private int report;

    @Override
    public Integer call() {
        LinkPort port = port();
        NetworkCard card = NetworkCard.dataPath(port, service.queues());
        if (report > 0) {
            Thread.ofPlatform().daemon().name("vz vhost-user report").start(() -> reportOn(card));
        }
        service.serve(card);
        return 0;
    }

    private LinkPort port() {
        if (link.equals("discard")) {
            return new DiscardPort();
        }
        if (link.equals("echo")) {
            return new EchoPort();
        }
        if (link.matches("generate=[0-9]{2,4}")) {
            int size = Integer.parseInt(link.substring(9));
            if (size >= 60 && size <= 1514) {
                return new GeneratorPort(size);
            }
        }
        throw new ParameterException(spec.commandLine(), "Invalid value for option '--link': '" + link
                + "' is not discard, echo, or generate=SIZE with 60 to 1514 bytes");
    }

    private void reportOn(NetworkCard card) {
        NetCounters before = card.counters();
        long then = System.nanoTime();
        while (true) {
            try {
                Thread.sleep(report * 1000L);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
                return;
            }
            NetCounters now = card.counters();
            long at = System.nanoTime();
            double micros = (at - then) / 1000.0;
            spec.commandLine().getErr().printf(Locale.ROOT,
                    "sent %.3f Mpps (%d), received %.3f Mpps (%d), dropped %d and %d%n",
                    (now.sentFrames() - before.sentFrames()) / micros, now.sentFrames(),
                    (now.receivedFrames() - before.receivedFrames()) / micros, now.receivedFrames(),
                    now.sentDropped(), now.receivedDropped());
            spec.commandLine().getErr().flush();
            before = now;
            then = at;
        }
    }
}
