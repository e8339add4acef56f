package dev.vz.samples.cli.vhost;

import dev.vz.linux.socket.UnixAddress;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.vhost.VhostUserServer;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every served device has: a socket and threads. */
final class ServiceOptions {

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--socket", required = true, paramLabel = "FILE", description = "Where front ends connect; the file must not exist yet.")
    @SuppressWarnings("NullAway.Init")
    private Path socket;

    @Option(names = "--queues", paramLabel = "N", defaultValue = "1", description = "Queues, or pairs of them, 1 to 64 (default: ${DEFAULT-VALUE}).")
    private int queues;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "1", description = "Threads that work on the queues, 1 to 64 (default: ${DEFAULT-VALUE}).")
    private int threads;

    @Option(names = "--poll", paramLabel = "MICROSECONDS", defaultValue = "50", description = {
        "How long a thread looks for more work before it sleeps (default: ${DEFAULT-VALUE}).",
        "0 saves processor time, more saves waking up."})
    private int poll;

    int queues() {
        if (queues < 1 || queues > 64) {
            throw new ParameterException(spec.commandLine(),
                    "Invalid value for option '--queues': " + queues + " is not between 1 and 64");
        }
        return queues;
    }

    /** Serves {@code device} until the process is told to end. */
    void serve(VirtioDevice<?> device) {
        if (threads < 1 || threads > 64 || poll < 0) {
            throw new ParameterException(spec.commandLine(), "Invalid value for option '--threads' or '--poll': "
                    + threads + " threads that poll for " + poll + " microseconds");
        }
        var server = VhostUserServer.serve(device, UnixAddress.of(socket),
                new VhostUserServer.Options(threads, poll * 1000L));
        // SIGTERM and SIGINT end the JVM; the socket's file goes, and the device is flushed and closed.
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "vz vhost-user end"));
        spec.commandLine().getErr().println("vz: serving " + server);
        spec.commandLine().getErr().flush();
        waitForEver();
    }

    private static void waitForEver() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }
}
