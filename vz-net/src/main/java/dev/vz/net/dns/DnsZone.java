package dev.vz.net.dns;

import dev.vz.net.dhcp.Lease;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * Names that the gateway itself knows: hosts that were configured, and guests with a lease, each alone and in the domain, and
 * their addresses back to names. Safe for use by several threads.
 */
public final class DnsZone {

    private static final long TTL = 60;

    private record Entry(InetAddress address, long expires) {}

    private final @Nullable String domain;
    private final InstantSource clock;
    private final Map<String, List<Entry>> hosts = new HashMap<>();

    /**
     * A zone without names.
     *
     * @param domain for example {@code "guests.example"}, or {@code null}
     */
    public DnsZone(@Nullable String domain, InstantSource clock) {
        this.domain = domain == null ? null : domain.toLowerCase(Locale.ROOT);
        this.clock = clock;
    }

    /** Adds a host for good; a name may have several addresses. */
    public synchronized void add(String name, InetAddress address) {
        hosts.computeIfAbsent(key(name), any -> new ArrayList<>()).add(new Entry(address, Long.MAX_VALUE));
    }

    /** A guest has a lease, or has it no more; a name that was configured is not overruled. */
    public synchronized void lease(Lease lease) {
        hosts.values().forEach(entries -> entries.removeIf(
                entry -> entry.expires() != Long.MAX_VALUE && entry.address().equals(lease.address())));
        hosts.values().removeIf(List::isEmpty);
        if (lease.name() == null || lease.expires() <= now()) {
            return;
        }
        List<Entry> entries = hosts.computeIfAbsent(key(lease.name()), any -> new ArrayList<>());
        if (entries.stream().noneMatch(entry -> entry.expires() == Long.MAX_VALUE)) {
            entries.clear();
            entries.add(new Entry(lease.address(), lease.expires()));
        }
    }

    private long now() {
        return clock.instant().getEpochSecond();
    }

    private String key(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
    }

    /**
     * The records that answer a question.
     *
     * @return records, an empty list if the name is known but not that type, or {@code null} if the name is not this zone's
     */
    synchronized @Nullable List<Record> answer(Name name, int type) {
        if (type == Type.PTR) {
            return reverse(name);
        }
        String asked = key(name.toString(true));
        boolean inDomain = domain != null && asked.endsWith("." + domain);
        String host = inDomain && domain != null ? asked.substring(0, asked.length() - domain.length() - 1) : asked;
        List<Entry> entries = hosts.get(asked);
        if (entries == null) {
            entries = hosts.get(host);
        }
        if (entries == null) {
            return null;
        }
        var records = new ArrayList<Record>();
        for (Entry entry : entries) {
            if (entry.expires() <= now()) {
                continue;
            }
            boolean four = entry.address() instanceof Inet4Address;
            if (four && (type == Type.A || type == Type.ANY)) {
                records.add(new ARecord(name, DClass.IN, TTL, entry.address()));
            } else if (!four && (type == Type.AAAA || type == Type.ANY)) {
                records.add(new AAAARecord(name, DClass.IN, TTL, entry.address()));
            }
        }
        return records;
    }

    /** Whether a name is in this zone's domain, so that nobody else is asked for it. */
    boolean owns(Name name) {
        String asked = key(name.toString(true));
        return domain != null && (asked.equals(domain) || asked.endsWith("." + domain)) || asked.indexOf('.') < 0;
    }

    private @Nullable List<Record> reverse(Name name) {
        for (var host : hosts.entrySet()) {
            for (Entry entry : host.getValue()) {
                if (entry.expires() > now() && ReverseMap.fromAddress(entry.address()).equals(name)) {
                    try {
                        String full = domain == null || host.getKey().indexOf('.') >= 0
                                ? host.getKey()
                                : host.getKey() + "." + domain;
                        return List.of(new PTRRecord(name, DClass.IN, TTL, Name.fromString(full + ".")));
                    } catch (TextParseException impossible) {
                        return null; // a configured name that DNS cannot carry has no way back
                    }
                }
            }
        }
        return null;
    }
}
