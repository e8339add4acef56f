package dev.vz.samples.cli.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.error.HostException;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.filter.DiscardIgnored;
import dev.vz.storage.filter.WindowDevice;
import dev.vz.storage.nbd.ExportInfo;
import dev.vz.storage.nbd.NbdClient;
import dev.vz.storage.nbd.NbdClientOptions;
import dev.vz.storage.nbd.NbdExport;
import dev.vz.storage.nbd.NbdServer;
import dev.vz.storage.nbd.NbdServerOptions;
import dev.vz.storage.nbd.NbdTls;
import dev.vz.storage.nbd.NbdUri;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vz nbd serve}: qemu-nbd's options over our server. */
@Command(name = "serve", mixinStandardHelpOptions = true, sortOptions = false, header = "Serves a disk image to NBD clients, with the options of qemu-nbd.", description = {
    "",
    "Ends when the last client has left, unless -t is given, and on SIGTERM and SIGINT, after a flush.",
    ""})
final class ServeCommand implements Callable<Integer> {

    private static final int PORT = 10809;
    private static final String FORKED = "VZ_NBD_FORKED";

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = {"-p", "--port"}, paramLabel = "PORT", description = "TCP port to listen on (default: 10809).")
    private @Nullable Integer port;

    @Option(names = {"-b", "--bind"}, paramLabel = "ADDRESS", description = "Address to bind to (default: 0.0.0.0).")
    private @Nullable String bind;

    @Option(names = {"-k", "--socket"}, paramLabel = "PATH", description = "Unix socket to listen on instead of TCP.")
    private @Nullable Path socket;

    @Option(names = {"-e", "--shared"}, paramLabel = "N", defaultValue = "1", description = {
        "Clients at a time; 0 for any number (default: ${DEFAULT-VALUE})."})
    private int shared = 1;

    @Option(names = {"-t", "--persistent"}, description = "Go on when the last client has left.")
    private boolean persistent;

    @Option(names = {"-v", "--verbose"}, description = "Say what is going on.")
    private boolean verbose;

    @Option(names = {"-x", "--export-name"}, paramLabel = "NAME", defaultValue = "", description = {
        "Name of the export (default: the empty one)."})
    private String name = "";

    @Option(names = {"-D", "--description"}, paramLabel = "TEXT", defaultValue = "", description = {
        "Description of the export, for people."})
    private String description = "";

    @Option(names = {"-o", "--offset"}, paramLabel = "BYTES", defaultValue = "0", description = {
        "Show the disk from this offset on."})
    private long offset;

    @Option(names = {"-A", "--allocation-depth"}, description = "Offer the context qemu:allocation-depth.")
    private boolean allocationDepth;

    @Option(names = {"-L", "--list"}, description = "List another server's exports instead of serving.")
    private boolean list;

    @Option(names = {"-B", "--bitmap"}, paramLabel = "NAME", description = "Offer a persistent bitmap as a context.")
    private List<String> bitmaps = new ArrayList<>();

    @Option(names = {"-s", "--snapshot"}, description = "Keep what clients write in a file that ends with the server.")
    private boolean scratch;

    @Option(names = {"-l", "--load-snapshot"}, paramLabel = "ID_OR_NAME", description = {
        "Show an internal snapshot, for reading only."})
    private @Nullable String snapshot;

    @Option(names = "--image-opts", description = "FILE is a list of options, driver=…,file.filename=….")
    private boolean imageOptions;

    @Option(names = "--object", paramLabel = "TYPE,id=ID,…", description = {
        "tls-creds-x509,id=ID,endpoint=server|client,dir=FOLDER[,verify-peer=off], or secret,id=ID,data=TEXT."})
    private List<String> objects = new ArrayList<>();

    @Option(names = "--tls-creds", paramLabel = "ID", description = "Use TLS with the object of this id.")
    private @Nullable String tlsCreds;

    @Option(names = "--fork", description = "Return once the server, a process of its own, is listening.")
    private boolean fork;

    @Option(names = "--pid-file", paramLabel = "PATH", description = "Write the server's process id into a file.")
    private @Nullable Path pidFile;

    @Option(names = {"-f", "--format"}, paramLabel = "FORMAT", description = {
        "Format of the image; without it, the image's first bytes tell."})
    private @Nullable String format;

    @Option(names = {"-r", "--read-only"}, description = "Refuse writes.")
    private boolean readOnly;

    @Option(names = {"-n", "--nocache"}, description = "The same as --cache=none.")
    private boolean noCache;

    @Option(names = "--cache", paramLabel = "MODE", defaultValue = "writeback", description = {
        "none, writeback, writethrough, directsync or unsafe (default: ${DEFAULT-VALUE})."})
    private String cache = "writeback";

    @Option(names = "--aio", paramLabel = "MODE", defaultValue = "inline", description = {
        "inline moves data on the connection's thread, threads and native on a pool, io_uring through the kernel's",
        "rings where the image is a raw file, else on a pool (default: ${DEFAULT-VALUE})."})
    private String aio = "inline";

    @Option(names = "--discard", paramLabel = "MODE", defaultValue = "unmap", description = {
        "ignore or unmap (default: ${DEFAULT-VALUE})."})
    private String discard = "unmap";

    @Parameters(arity = "0..1", paramLabel = "FILE", description = "The disk image.")
    private @Nullable String file;

    @Override
    public Integer call() {
        if (list) {
            return listExports();
        }
        if (file == null) {
            throw wrong("Name the image to serve");
        }
        if (socket != null && (port != null || bind != null)) {
            throw wrong("A Unix socket (--socket) has no port or address (--port, --bind)");
        }
        if (imageOptions && format != null) {
            throw wrong("--image-opts and -f are mutually exclusive");
        }
        if (scratch && (readOnly || snapshot != null)) {
            throw wrong("What is shown for reading only (-r, -l) needs no file for what is written (-s)");
        }
        if (shared < 0) {
            throw wrong("Invalid shared device number '" + shared + "'");
        }
        if (fork && System.getenv(FORKED) == null) {
            return new ForkedServer(FORKED).start();
        }
        return serve(file);
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private int listExports() {
        NbdTls tls = TlsObjects.find(objects, tlsCreds, "client");
        NbdUri uri = socket != null ? NbdUri.unix(socket, "")
                : NbdUri.tcp(bind == null ? "localhost" : bind, port == null ? PORT : port, "");
        NbdClientOptions options = NbdClientOptions.DEFAULT.withTls(tls);
        List<ExportInfo> exports = NbdClient.list(uri, options);
        PrintWriter out = spec.commandLine().getOut();
        out.print(ExportText.list(exports, export -> NbdClient.contexts(new NbdUri(uri.host(), uri.port(),
                uri.socket(), export.name(), uri.tls(), uri.certificates()), options)));
        out.flush();
        return 0;
    }

    private int serve(String path) {
        NbdTls tls = TlsObjects.find(objects, tlsCreds, "server");
        NbdServerOptions options = NbdServerOptions.DEFAULT.withMaxConnections(shared == 0 ? Integer.MAX_VALUE : shared)
                .withLoops(shared == 1 ? 1 : Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 8));
        if (tls != null) {
            options = options.withTls(tls, true);
        }
        var end = new CountDownLatch(1);
        var closed = new CountDownLatch(1);
        Thread hook = Thread.ofPlatform().unstarted(() -> {
            end.countDown();
            awaitQuietly(closed);
        });
        for (String object : objects) {
            if (!object.startsWith("tls-creds-")) {
                Secrets.add(object);
            }
        }
        boolean writable = !readOnly && snapshot == null;
        try (IoEngine engine = ServedImage.engine(aio);
                DiskImage image = open(path, writable, engine);
                BlockDevice whole = shown(image, writable);
                BlockDevice shown = offset == 0 ? whole
                        : WindowDevice.of(whole, offset, image.info().size() - offset);
                var server = new NbdServer(options)) {
            server.add(export(image, discard.equals("ignore") ? new DiscardIgnored(shown) : shown, writable));
            if (!persistent) {
                server.onLastClientLeft(end::countDown);
            }
            String where = listen(server);
            Runtime.getRuntime().addShutdownHook(hook);
            ready(where);
            awaitQuietly(end);
        } finally {
            removePidFile();
            closed.countDown();
        }
        return 0;
    }

    private DiskImage open(String path, boolean writable, IoEngine engine) {
        ImageSpec spec = imageOptions ? ImageSpec.ofOptions(path) : ImageSpec.ofName(path, format);
        DiskImage image = ServedImage.open(spec, !writable || scratch, noCache ? "none" : cache, engine, snapshot);
        if (offset < 0 || offset > image.info().size()) {
            image.close();
            throw new CommandFailure("Offset (" + offset + ") has to be smaller than the image size ("
                    + image.info().size() + ")");
        }
        return scratch ? ServedImage.scratch(image) : image;
    }

    private BlockDevice shown(DiskImage image, boolean writable) {
        BlockDevice ring = aio.equals("io_uring") && !scratch && !imageOptions
                ? ServedImage.ring(image, !writable, noCache ? "none" : cache) : null;
        return ring == null ? image : ring;
    }

    private NbdExport export(DiskImage image, BlockDevice shown, boolean writable) {
        NbdExport export = NbdExport.of(name, shown).withDescription(description).withReadOnly(!writable)
                .withMultiConnection(shared != 1);
        if (allocationDepth) {
            export = export.withContext(NbdExport.allocationDepth(image));
        }
        for (String bitmap : bitmaps) {
            export = export.withContext(ServedImage.bitmap(image, bitmap, !writable));
        }
        return export;
    }

    private String listen(NbdServer server) {
        if (socket != null) {
            server.listen(UnixAddress.of(socket));
            return socket.toString();
        }
        var address = new InetSocketAddress(bind == null ? "0.0.0.0" : bind, port == null ? PORT : port);
        return server.listen(address).toString();
    }

    private void ready(String where) {
        if (pidFile != null) {
            try {
                Files.writeString(pidFile, ProcessHandle.current().pid() + "\n", StandardCharsets.US_ASCII);
            } catch (IOException failure) {
                throw new HostException("writing the pid file", pidFile.toString(), failure);
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        if (System.getenv(FORKED) != null) {
            out.println(ForkedServer.READY);
        } else if (verbose) {
            out.println("NBD device " + file + " is now served at " + where);
        }
        out.flush();
    }

    private void removePidFile() {
        if (pidFile != null) {
            try {
                Files.deleteIfExists(pidFile);
            } catch (IOException failure) {
                throw new HostException("removing the pid file", pidFile.toString(), failure);
            }
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            // Nobody interrupts these threads but a JVM that is ending: then the wait is over, too.
            Thread.currentThread().interrupt();
        }
    }
}
