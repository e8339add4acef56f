package dev.vz.samples.cli.nbd;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.nbd.NbdTls;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** TLS certificates as QEMU's {@code --object} describes them. */
final class TlsObjects {

    private TlsObjects() {}

    /** The object of that id; {@code null} if no TLS is wanted. */
    static @Nullable NbdTls find(List<String> objects, @Nullable String id, String endpoint) {
        if (id == null) {
            return null;
        }
        for (String object : objects) {
            String[] parts = object.split(",");
            Map<String, String> options = new HashMap<>();
            for (int i = 1; i < parts.length; i++) {
                int equals = parts[i].indexOf('=');
                options.put(equals < 0 ? parts[i] : parts[i].substring(0, equals),
                        equals < 0 ? "on" : parts[i].substring(equals + 1));
            }
            if (!id.equals(options.get("id"))) {
                continue;
            }
            String folder = options.get("dir");
            if (!parts[0].equals("tls-creds-x509") || folder == null) {
                throw new ConfigurationException("The object '" + id
                        + "' must be tls-creds-x509 with a folder of certificates (dir=)");
            }
            if (!endpoint.equals(options.getOrDefault("endpoint", "client"))) {
                throw new ConfigurationException("Expecting TLS credentials with a " + endpoint + " endpoint");
            }
            boolean verify = !"off".equals(options.getOrDefault("verify-peer", "on"));
            return endpoint.equals("server") ? NbdTls.serverFrom(Path.of(folder), verify)
                    : NbdTls.clientFrom(Path.of(folder), verify);
        }
        throw new ConfigurationException("No TLS credentials with id '" + id + "'");
    }
}
