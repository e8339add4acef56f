package dev.vz.machine.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.pci.PciBar.Kind;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever a guest writes: nothing throws, and registers answer only where their function wants them, inside the windows. */
class PciBusPropertiesTest {

    private static final AddressRange MEMORY = AddressRange.closed(0xF900_0000L, 0xF90F_FFFFL);

    record Write(int device, int register, int size, int value) {}

    @Provide
    Arbitrary<List<Write>> writes() {
        Arbitrary<Integer> addresses = Arbitraries.oneOf(Arbitraries.integers(),
                Arbitraries.integers().between(0, 63).map(page -> 0xF900_0000 + (page << 14)));
        Arbitrary<Integer> registers = Arbitraries.oneOf(Arbitraries.of(4, 0x10, 0x14, 0x18, 0x20),
                Arbitraries.integers().between(0, 4095));
        return Combinators
                .combine(Arbitraries.integers().between(0, 5), registers, Arbitraries.of(1, 2, 4, 8), addresses)
                .as(Write::new).list().ofMaxSize(60);
    }

    @Property(tries = 300)
    void registers_answer_where_their_function_wants_them(@ForAll("writes") List<Write> writes) {
        var ports = new IoBus("port");
        var mmio = new IoBus("mmio");
        var bus = new PciBus(ports, mmio, new PciWindows(MEMORY, AddressRange.closed(0x1000, 0xFFFF)));
        var window = new ConfigWindow(bus);
        for (int i = 0; i < 4; i++) {
            bus.add(i, new TestFunction("f" + i).with(0, Kind.MEMORY32, 0x4000L << i).with(1, Kind.PORT, 64)
                    .with(2, Kind.MEMORY64, 0x1000));
        }
        for (Write write : writes) {
            long at = (long) write.device() << 15 | Math.min(write.register(), 4096 - write.size());
            window.write(at, write.size(), write.value());
            window.read(at, write.size());
        }
        assertThat(mmio.attachments()).allSatisfy(place -> {
            assertThat(MEMORY.contains(place.range().start(), place.range().length())).isTrue();
            int device = place.device().toString().charAt(1) - '0';
            int bar = place.device().toString().endsWith("0") ? 0 : 2;
            assertThat(window.read((long) device << 15 | 4, 2) & 2).isEqualTo(2);
            assertThat(window.read((long) device << 15 | 0x10 + 4 * bar, 4) & ~0xFL).isEqualTo(place.range().start());
        });
    }
}
