package dev.vz.net.dns;

import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** The names behind addresses that guests were told lately: a bounded number, for egress policies. Safe for several threads. */
final class AddressNames {

    private static final int ADDRESSES = 4096;
    private static final int NAMES = 8;

    private final Map<InetAddress, LinkedHashSet<String>> names = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<InetAddress, LinkedHashSet<String>> eldest) {
            return size() > ADDRESSES;
        }
    };

    synchronized void add(InetAddress address, String name) {
        LinkedHashSet<String> known = names.computeIfAbsent(address, any -> new LinkedHashSet<>());
        known.remove(name);
        known.add(name);
        if (known.size() > NAMES) {
            known.remove(known.iterator().next());
        }
    }

    synchronized Set<String> find(InetAddress address) {
        LinkedHashSet<String> known = names.get(address);
        return known == null ? Set.of() : Set.copyOf(known);
    }
}
