package dev.vz.net.dhcp;

import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.io.IOException;
import java.io.Writer;
import java.net.Inet4Address;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Leases in a file, one line each: when it ends, Ethernet address, IP address, name or {@code *}, client. The last line about
 * an address counts, so that a new lease is appended; the file is written anew, and put in place at once, when most of it is
 * old. Whoever kills the process loses nothing that was acknowledged; a last line that was cut off is ignored.
 */
public final class LeaseStore implements AutoCloseable {

    private static final int MOST_OLD_LINES = 4096;
    private static final long LARGEST = 64L << 20;

    private final Path file;
    private final Map<Inet4Address, Lease> leases = new LinkedHashMap<>();
    private @Nullable Writer appender;
    private int lines;

    /**
     * Opens a file, which need not exist.
     *
     * @throws HostException   if it cannot be read or written
     * @throws FormatException if it holds something else
     */
    public LeaseStore(Path file) {
        this.file = file;
        try {
            if (Files.exists(file)) {
                if (Files.size(file) > LARGEST) {
                    throw new FormatException(file + " is no file of leases: it has " + Files.size(file)
                            + " bytes, more than " + LARGEST);
                }
                read(Files.readString(file, StandardCharsets.UTF_8));
            }
            rewrite();
        } catch (IOException failure) {
            throw new HostException("reading leases", file.toString(), failure);
        }
    }

    private void read(String text) {
        // What does not end with a line's end was being written when the process died.
        int end = text.lastIndexOf('\n');
        for (String line : end < 0 ? new String[0] : text.substring(0, end).split("\n")) {
            String[] columns = line.split(" ");
            if (columns.length != 5 || !columns[0].matches("\\d{1,15}")
                    || !(IpPrefix.address(columns[2]) instanceof Inet4Address address)) {
                throw new FormatException(
                        "A line of leases in " + file + " is \"EXPIRES MAC ADDRESS NAME CLIENT\", not \""
                                + line + "\"; repair or remove the file");
            }
            leases.put(address, new Lease(address, MacAddress.parse(columns[1]), columns[4],
                    columns[3].equals("*") ? null : columns[3], Long.parseLong(columns[0])));
        }
    }

    /** All leases, those that have ended, too. */
    public Collection<Lease> leases() {
        return leases.values();
    }

    /** Remembers a lease, in place of what was known about its address. */
    public void put(Lease lease) {
        leases.put(lease.address(), lease);
        try {
            Writer out = appender;
            if (out == null || lines > 2 * leases.size() + MOST_OLD_LINES) {
                rewrite();
            } else {
                out.write(line(lease));
                out.flush();
                lines++;
            }
        } catch (IOException failure) {
            throw new HostException("writing leases", file.toString(), failure);
        }
    }

    private static String line(Lease lease) {
        return lease.expires() + " " + lease.mac() + " " + lease.address().getHostAddress() + " "
                + (lease.name() == null ? "*" : lease.name()) + " " + lease.client() + "\n";
    }

    private void rewrite() throws IOException {
        if (appender != null) {
            appender.close();
        }
        var text = new StringBuilder();
        leases.values().forEach(lease -> text.append(line(lease)));
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(fresh, text, StandardCharsets.UTF_8);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        appender = Files.newBufferedWriter(file, StandardCharsets.UTF_8, StandardOpenOption.APPEND);
        lines = leases.size();
    }

    @Override
    public void close() {
        try {
            if (appender != null) {
                appender.close();
                appender = null;
            }
        } catch (IOException failure) {
            throw new HostException("closing leases", file.toString(), failure);
        }
    }
}
