package dev.vz.samples.cli.disk;

import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.nbd.NbdClient;
import dev.vz.storage.nbd.NbdClientOptions;
import dev.vz.storage.nbd.NbdUri;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Map;

/** Disks behind servers: exports of NBD servers. Of ssh, which is not spoken here, no more than that nobody is there. */
final class NetworkDisks {

    private static final int TIMEOUT_MILLIS = 10_000;

    private NetworkDisks() {}

    /** Where an NBD export is, by options or a name such as {@code nbd:unix:PATH:exportname=NAME} or a URI. */
    static NbdUri nbd(Map<String, String> options) {
        String name = options.get("filename");
        try {
            if (name != null) {
                return name.contains("://") ? NbdUri.parse(name) : named(name);
            }
            String export = options.getOrDefault("export", "");
            String path = options.getOrDefault("path", options.get("server.path"));
            if (path != null) {
                return NbdUri.unix(Path.of(path), export);
            }
            String host = options.getOrDefault("host", options.get("server.host"));
            if (host == null) {
                throw new CommandFailure("NBD server address missing");
            }
            return NbdUri.tcp(host, port(options.getOrDefault("port", options.getOrDefault("server.port", "10809"))),
                    export);
        } catch (ConfigurationException wrong) {
            throw new CommandFailure(wrong.getMessage());
        }
    }

    private static NbdUri named(String name) {
        String rest = name.substring("nbd:".length());
        int at = rest.indexOf(":exportname=");
        String export = at < 0 ? "" : rest.substring(at + ":exportname=".length());
        String server = at < 0 ? rest : rest.substring(0, at);
        if (server.startsWith("unix:")) {
            return NbdUri.unix(Path.of(server.substring("unix:".length())), export);
        }
        int colon = server.lastIndexOf(':');
        if (colon < 0) {
            throw new CommandFailure("'" + name + "' has no port");
        }
        return NbdUri.tcp(server.substring(0, colon), port(server.substring(colon + 1)), export);
    }

    private static int port(String text) {
        if (text.isEmpty() || text.length() > 5 || !text.chars().allMatch(Character::isDigit)) {
            throw new CommandFailure("Parameter 'port' expects a number");
        }
        return Integer.parseInt(text);
    }

    /** What an export is called in messages and by {@code info}. */
    static String nameOf(NbdUri uri) {
        String export = uri.export().isEmpty() ? "" : "/" + uri.export();
        return uri.socket() != null ? "nbd+unix://" + export + "?socket=" + uri.socket()
                : "nbd://" + uri.host() + ":" + uri.port() + export;
    }

    static ImageFile openNbd(Map<String, String> options) {
        NbdUri uri = nbd(options);
        if (uri.host() != null) {
            requireKnown(uri.host(), uri.port());
        }
        try {
            return new DiskFile(NbdClient.open(uri, NbdClientOptions.DEFAULT), nameOf(uri), 0);
        } catch (VzException failure) {
            String place = uri.socket() != null ? uri.socket().toString() : uri.host() + ":" + uri.port();
            throw new CommandFailure("Failed to connect to '" + place + "': " + HostErrors.text(failure));
        }
    }

    private static void requireKnown(String host, int port) {
        try {
            if (InetAddress.getAllByName(host).length == 0) {
                throw new UnknownHostException(host);
            }
        } catch (UnknownHostException unknown) {
            throw new CommandFailure("address resolution failed for " + host + ":" + port
                    + ": Name or service not known");
        }
    }

    /** Looks whether the server is there, and refuses in either case. */
    static ImageFile openSsh(Map<String, String> options) {
        String host = options.getOrDefault("host", options.getOrDefault("server.host", ""));
        int port = port(options.getOrDefault("port", options.getOrDefault("server.port", "22")));
        if (port > 0) {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getAllByName(host)[0], port), TIMEOUT_MILLIS);
                throw new CommandFailure("Images on the ssh server '" + host + ":" + port + "' cannot be opened here");
            } catch (IOException failure) {
                throw new CommandFailure("Failed to connect to '" + host + ":" + port + "': " + (failure
                        .getMessage() != null && failure.getMessage().contains("refused") ? "Connection refused"
                                : failure.getMessage()));
            }
        }
        // Nobody listens there, on any host.
        throw new CommandFailure("Failed to connect to '" + host + ":" + port + "': Connection refused");
    }
}
