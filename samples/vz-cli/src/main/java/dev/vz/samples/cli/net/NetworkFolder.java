package dev.vz.samples.cli.net;

import java.nio.file.Path;

/** Where the definitions of networks are kept that last. */
public final class NetworkFolder {

    private NetworkFolder() {}

    /** {@code $VZ_NETWORKS}, or the place that fits the user. */
    public static Path standard() {
        String named = System.getenv("VZ_NETWORKS");
        if (named != null && !named.isEmpty()) {
            return Path.of(named);
        }
        return "root".equals(System.getProperty("user.name"))
                ? Path.of("/var/lib/vz/networks")
                : Path.of(System.getProperty("user.home"), ".local/share/vz/networks");
    }
}
