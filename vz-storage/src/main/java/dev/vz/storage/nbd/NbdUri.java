package dev.vz.storage.nbd;

import dev.vz.error.ConfigurationException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where an export is, as the NBD URI specification writes it: {@code nbd://host:port/export},
 * {@code nbd+unix:///export?socket=PATH}, and the same with {@code nbds} for TLS.
 *
 * @param host         a TCP server's name; {@code null} for a Unix socket
 * @param port         its port
 * @param socket       the Unix socket's path; {@code null} for TCP
 * @param export       the export's name
 * @param tls          whether TLS is demanded
 * @param certificates a folder of certificates, from {@code tls-certificates=}; {@code null} if not said
 */
public record NbdUri(@Nullable String host, int port, @Nullable Path socket, String export, boolean tls,
        @Nullable Path certificates) {

    /** Checks that there is one place and not two. */
    public NbdUri {
        if ((host == null) == (socket == null)) {
            throw new ConfigurationException("An NBD server is at a host or at a Unix socket; give one of them");
        }
        if (host != null && (port < 1 || port > 65535)) {
            throw new ConfigurationException("A TCP port is 1 to 65535, not " + port);
        }
    }

    /** An export at a Unix socket. */
    public static NbdUri unix(Path socket, String export) {
        return new NbdUri(null, 0, socket, export, false, null);
    }

    /** An export at a TCP port. */
    public static NbdUri tcp(String host, int port, String export) {
        return new NbdUri(host, port, null, export, false, null);
    }

    /**
     * Reads a URI.
     *
     * @throws ConfigurationException if it is none, or of another kind
     */
    public static NbdUri parse(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException wrong) {
            throw new ConfigurationException("\"" + text + "\" is no URI: " + wrong.getReason(), wrong);
        }
        String scheme = uri.getScheme();
        if (scheme == null || !scheme.matches("nbds?(\\+unix)?")) {
            throw new ConfigurationException("\"" + text
                    + "\" does not begin with nbd://, nbds://, nbd+unix:// or nbds+unix://");
        }
        String socket = null;
        Path certificates = null;
        String query = uri.getRawQuery();
        for (String part : query == null ? new String[0] : query.split("&")) {
            int equals = part.indexOf('=');
            String name = equals < 0 ? part : part.substring(0, equals);
            String value = equals < 0 ? "" : decoded(part.substring(equals + 1));
            switch (name) {
                case "socket" -> socket = value;
                case "tls-certificates" -> certificates = Path.of(value);
                default -> throw new ConfigurationException("\"" + text + "\" has an unknown parameter " + name);
            }
        }
        String path = uri.getRawPath() == null ? "" : uri.getRawPath();
        String export = decoded(path.startsWith("/") ? path.substring(1) : path);
        boolean tls = scheme.startsWith("nbds");
        if (scheme.endsWith("+unix")) {
            if (socket == null) {
                throw new ConfigurationException("\"" + text + "\" does not say which Unix socket: add ?socket=PATH");
            }
            return new NbdUri(null, 0, Path.of(socket), export, tls, certificates);
        }
        String host = uri.getHost();
        if (host == null || socket != null) {
            throw new ConfigurationException("\"" + text + "\" does not say which host, or a socket as well");
        }
        String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
        return new NbdUri(bare, uri.getPort() < 0 ? Nbd.DEFAULT_PORT : uri.getPort(), null, export, tls, certificates);
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        String name = export.isEmpty() ? "" : "export '" + export + "' at ";
        return name + (socket != null ? "nbd+unix:" + socket : "nbd:" + host + ":" + port);
    }
}
