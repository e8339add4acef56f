package dev.vz.net.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.bridge.ForwardingTable.Learned;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** The tables against maps of the library. */
class ForwardingTableTest {

    @Property(tries = 100)
    void aTableOfNumbersIsAMap(@ForAll long seed) {
        var random = new Random(seed);
        var table = new LongTable(8);
        Map<Long, Integer> model = new HashMap<>();
        for (int i = 0; i < 3000; i++) {
            long key = 1 + random.nextInt(300) * (random.nextBoolean() ? 1L : 0x1_0000_0001L);
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    if (model.containsKey(key)) {
                        table.move(key, i);
                    } else {
                        table.add(key, i);
                    }
                    model.put(key, i);
                }
                case 2 -> {
                    if (model.remove(key) != null) {
                        table.remove(key);
                    }
                }
                default -> assertThat(table.find(key)).isEqualTo(model.getOrDefault(key, -1));
            }
            assertThat(table.size()).isEqualTo(model.size());
        }
        model.forEach((key, place) -> assertThat(table.find(key)).isEqualTo(place));
    }

    private record Entry(int port, boolean isFixed, long seen) {}

    @Property(tries = 100)
    void stationsAreLearnedAgedAndForgottenAsAModelDoes(@ForAll long seed) {
        var random = new Random(seed);
        var table = new ForwardingTable(10_000);
        Map<Long, Entry> model = new HashMap<>();
        for (int now = 1; now < 2000; now++) {
            int vlan = 1 + random.nextInt(3);
            long address = 1 + random.nextInt(60);
            int port = random.nextInt(6);
            long key = ForwardingTable.key(vlan, address);
            Entry known = model.get(key);
            switch (random.nextInt(10)) {
                case 0 -> {
                    table.fix(vlan, address, port);
                    model.put(key, new Entry(port, true, 0));
                }
                case 1 -> assertThat(table.forget(vlan, address)).isEqualTo(model.remove(key) != null);
                case 2 -> {
                    long before = now - 200;
                    table.expire(before);
                    model.values().removeIf(entry -> !entry.isFixed && entry.seen < before);
                }
                case 3 -> {
                    table.forgetPorts(number -> number == port, false);
                    model.values().removeIf(entry -> !entry.isFixed && entry.port == port);
                }
                default -> {
                    boolean elsewhere = known != null && known.isFixed && known.port != port;
                    assertThat(table.learn(vlan, address, port, 1000, now))
                            .isEqualTo(elsewhere ? Learned.STATIC_ELSEWHERE : Learned.KNOWN);
                    if (known == null || !known.isFixed) {
                        model.put(key, new Entry(port, false, now));
                    }
                }
            }
            Entry after = model.get(key);
            assertThat(table.find(vlan, address)).isEqualTo(after == null ? -1 : after.port);
            assertThat(table.size()).isEqualTo(model.size());
            assertThat((long) table.learned(port))
                    .isEqualTo(model.values().stream().filter(entry -> !entry.isFixed && entry.port == port).count());
        }
    }
}
