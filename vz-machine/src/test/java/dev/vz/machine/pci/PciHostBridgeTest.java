package dev.vz.machine.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.bus.BusDevice;
import dev.vz.bus.IoBus;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.LifecycleException;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciBar.Kind;
import dev.vz.pci.PciFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bridge as a guest sees it: PCI Local Bus Specification 3.0, chapters 3.2.2.3 and 6.2.5. */
@Timeout(120)
class PciHostBridgeTest {

    private static final long ECAM = 0xF800_0000L;
    private static final AddressRange MEMORY = AddressRange.closed(0xF900_0000L, 0xFCFF_FFFFL);
    private static final int HOT_PLUG = 0x620;

    private final IoBus ports = new IoBus("port");
    private final IoBus mmio = new IoBus("mmio");
    private final List<Long> resets = new ArrayList<>();
    private int events;
    private final PciHostBridge bridge = new PciHostBridge(
            new PciHostBridge.Place(ECAM, MEMORY, AddressRange.closed(0x1000, 0xFFFF), HOT_PLUG, 1), ports, mmio,
            new BusDevice() {
                @Override
                public long read(long offset, int size) {
                    return 0x5A;
                }

                @Override
                public void write(long offset, int size, long value) {
                    resets.add(value);
                }
            }, 0xCF9, () -> events++);

    private long read(int device, int register, int size) {
        ports.write(0xCF8, 4, 0x8000_0000L | device << 11 | register & 0xFC);
        return ports.read(0xCFC + (register & 3), size);
    }

    private void write(int device, int register, int size, long value) {
        ports.write(0xCF8, 4, 0x8000_0000L | device << 11 | register & 0xFC);
        ports.write(0xCFC + (register & 3), size, value);
    }

    // ---------------------------------------------------------------------------------------- configuration space

    @Test
    void the_bridge_shows_itself_as_the_first_function() {
        assertThat(read(0, 0, 4)).isEqualTo(0x0008_1B36);
        assertThat(read(0, 2, 2)).isEqualTo(0x0008);
        assertThat(read(0, 0x0B, 1)).as("base class: bridge").isEqualTo(6);
        assertThat(read(0, 0x0E, 1)).as("an ordinary header, one function").isZero();
    }

    @Test
    void where_no_function_is_all_ones_are_read() {
        assertThat(read(1, 0, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(read(1, 0, 2)).isEqualTo(0xFFFF);
        assertThat(mmio.read(ECAM + (1 << 15), 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(mmio.read(ECAM + (1 << 12), 4)).as("function 1 of the bridge").isEqualTo(0xFFFF_FFFFL);
        write(1, 4, 4, 7);
    }

    @Test
    void configuration_accesses_need_the_enable_bit_and_bus_0() {
        ports.write(0xCF8, 4, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0xFFFF_FFFFL);
        ports.write(0xCF8, 4, 0x8001_0000L);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0xFFFF_FFFFL);
        ports.write(0xCF8, 4, 0x80FF_FFFFL);
        assertThat(ports.read(0xCF8, 4)).as("reserved bits").isEqualTo(0x80FF_FFFCL);
    }

    @Test
    void narrow_accesses_to_the_address_port_are_not_for_the_bridge() {
        ports.write(0xCF8, 4, 0x8000_0000L);
        ports.write(0xCF9, 1, 6);
        ports.write(0xCF8, 1, 1);
        assertThat(resets).containsExactly(6L);
        assertThat(ports.read(0xCF9, 1)).isEqualTo(0x5A);
        assertThat(ports.read(0xCF8, 4)).isEqualTo(0x8000_0000L);
        assertThat(ports.read(0xCFB, 1)).isEqualTo(0xFF);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void both_ways_to_configuration_space_lead_to_the_same_registers(int size) {
        bridge.plug(new TestFunction("one").with(0, Kind.MEMORY32, 0x1000));
        mmio.write(ECAM + (1 << 15) + 0x10, 4, 0xF912_3456L);
        long expected = 0;
        for (int i = 0; i < size; i++) {
            expected |= read(1, 0x10 + i, 1) << 8 * i;
        }
        assertThat(mmio.read(ECAM + (1 << 15) + 0x10, size)).isEqualTo(expected);
        assertThat(read(1, 0x10, 4)).isEqualTo(0xF912_3000L);
    }

    @Test
    void an_access_that_crosses_functions_reaches_both() {
        bridge.plug(new TestFunction("one"));
        assertThat(mmio.read(ECAM + (1 << 15) - 4, 8)).isEqualTo(0x1234_1AF4_FFFF_FFFFL);
        mmio.write(ECAM + (1 << 15) + 1, 8, -1);
        assertThat(read(1, 4, 2)).as("odd addresses, byte by byte").isEqualTo(7);
    }

    // ------------------------------------------------------------------------------------------------- registers

    @Test
    void a_register_block_answers_where_the_guest_puts_it_while_it_is_enabled() {
        var function = new TestFunction("one").with(0, Kind.MEMORY32, 0x1000).with(2, Kind.PORT, 16);
        bridge.plug(function);
        write(1, 0x10, 4, 0xFFFF_FFFFL);
        assertThat(read(1, 0x10, 4)).as("its size").isEqualTo(0xFFFF_F000L);
        write(1, 0x10, 4, 0xF900_5000L);
        write(1, 0x18, 4, 0xC000);
        assertThat(function.places).isEmpty();
        write(1, 4, 2, 2);
        mmio.write(0xF900_5010L, 4, 77);
        assertThat(mmio.read(0xF900_5010L, 4)).isEqualTo(77);
        assertThat(ports.find(0xC000, 1)).as("ports are not enabled").isNull();
        write(1, 4, 2, 3);
        assertThat(ports.find(0xC000, 1)).isNotNull();
        write(1, 0x10, 4, 0xF900_8000L);
        assertThat(mmio.find(0xF900_5010L, 4)).isNull();
        assertThat(mmio.read(0xF900_8010L, 4)).as("the same registers").isEqualTo(77);
        assertThat(function.places).containsEntry(0, OptionalLong.of(0xF900_8000L));
        write(1, 4, 2, 0);
        assertThat(mmio.find(0xF900_8000L, 4)).isNull();
        assertThat(function.places).containsEntry(0, OptionalLong.empty()).containsEntry(2, OptionalLong.empty());
    }

    @Test
    void a_register_block_outside_the_windows_answers_nowhere() {
        bridge.plug(new TestFunction("one").with(0, Kind.MEMORY64, 0x1_0000).with(2, Kind.PORT, 256));
        write(1, 4, 2, 3);
        for (long address : new long[] {0, 0x10_0000, ECAM, 0xFEC0_0000L, 0xFEE0_0000L, 0xFFFF_0000L}) {
            write(1, 0x10, 4, address);
            assertThat(mmio.attachments()).hasSize(1);
        }
        write(1, 0x10, 4, 0xF900_0000L);
        assertThat(mmio.attachments()).hasSize(2);
        write(1, 0x14, 4, 1);
        assertThat(mmio.attachments()).as("above 4 GiB").hasSize(1);
        write(1, 0x18, 4, 0x300);
        assertThat(ports.find(0x300, 1)).isNull();
    }

    @Test
    void of_two_blocks_at_one_place_the_first_answers_and_the_second_when_it_has_gone() {
        var first = new TestFunction("first").with(0, Kind.MEMORY32, 0x1000);
        var second = new TestFunction("second").with(0, Kind.MEMORY32, 0x4000);
        bridge.plug(first);
        bridge.plug(second);
        write(1, 0x10, 4, 0xF900_0000L);
        write(2, 0x10, 4, 0xF900_0000L);
        write(1, 4, 2, 2);
        write(2, 4, 2, 2);
        assertThat(mmio.find(0xF900_0000L, 4)).hasToString("[0xf9000000-0xf9000fff] first BAR 0");
        write(1, 0x10, 4, 0xF900_8000L);
        assertThat(mmio.find(0xF900_0000L, 4)).hasToString("[0xf9000000-0xf9003fff] second BAR 0");
        assertThat(second.places).containsEntry(0, OptionalLong.of(0xF900_0000L));
    }

    @Test
    void at_power_on_every_block_has_an_address_of_its_own_and_none_is_enabled() {
        for (int i = 0; i < 5; i++) {
            bridge.plug(new TestFunction("f" + i).with(0, Kind.MEMORY32, 0x1000 << i).with(1, Kind.PORT, 32)
                    .with(2, Kind.MEMORY64, 0x10_0000));
        }
        bridge.reset();
        assertThat(mmio.attachments()).hasSize(1);
        for (int device = 1; device <= 5; device++) {
            write(device, 4, 2, 3);
        }
        assertThat(mmio.attachments()).as("nobody lost").hasSize(1 + 10);
        assertThat(ports.attachments()).hasSize(2 + 5);
    }

    @Test
    void more_than_the_window_holds_is_refused_at_power_on() {
        bridge.plug(new TestFunction("big").with(0, Kind.MEMORY32, 64 << 20));
        bridge.plug(new TestFunction("small").with(0, Kind.MEMORY32, 0x1000));
        assertThatThrownBy(bridge::reset).isInstanceOf(ConfigurationException.class).hasMessage(
                "The 67108864 bytes of BAR 0 of big do not fit into the PCI window [0xf9000000-0xfcffffff] beside the "
                        + "other functions");
    }

    // ------------------------------------------------------------------------------------------------- hot plug

    @Test
    void a_function_that_comes_later_is_announced_once() {
        bridge.reset();
        PciAddress address = bridge.plug(new TestFunction("late"));
        assertThat(address).hasToString("00:01.0");
        assertThat(events).isEqualTo(1);
        assertThat(ports.read(HOT_PLUG, 4)).isEqualTo(2);
        assertThat(ports.read(HOT_PLUG, 4)).as("reading clears").isZero();
        assertThat(read(1, 0, 4)).isEqualTo(0x1234_1AF4);
    }

    @Test
    void a_function_leaves_when_the_guest_has_let_go_of_it() throws Exception {
        var function = new TestFunction("one").with(0, Kind.MEMORY32, 0x1000);
        PciAddress address = bridge.plug(function);
        bridge.reset();
        write(1, 4, 2, 2);
        CompletableFuture<PciFunction> gone = bridge.unplug(address).toCompletableFuture();
        assertThat(events).isEqualTo(1);
        assertThat(ports.read(HOT_PLUG + 4, 4)).isEqualTo(2);
        assertThat(gone).isNotDone();
        bridge.unplug(address);
        assertThat(events).as("reminded").isEqualTo(2);
        ports.write(HOT_PLUG + 8, 4, 2);
        assertThat(gone.get(60, TimeUnit.SECONDS)).isSameAs(function);
        assertThat(read(1, 0, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(mmio.attachments()).hasSize(1);
        bridge.close();
        assertThat(function.closes).as("it is the caller's again").isZero();
    }

    @Test
    void a_guest_cannot_throw_out_what_it_was_not_asked_for() {
        var function = new TestFunction("one");
        bridge.plug(function);
        bridge.reset();
        ports.write(HOT_PLUG + 8, 4, 0xFFFF_FFFFL);
        assertThat(bridge.functions()).containsValue(function);
        assertThat(read(0, 0, 4)).as("not even the bridge").isEqualTo(0x0008_1B36);
    }

    @Test
    void a_reset_takes_off_what_was_asked_to_leave() throws Exception {
        var leaving = new TestFunction("leaving");
        var staying = new TestFunction("staying");
        PciAddress address = bridge.plug(leaving);
        bridge.plug(staying, 7);
        bridge.reset();
        CompletableFuture<PciFunction> gone = bridge.unplug(address).toCompletableFuture();
        bridge.reset();
        assertThat(gone.get(60, TimeUnit.SECONDS)).isSameAs(leaving);
        assertThat(bridge.functions()).containsOnlyKeys(new PciAddress(0, 7, 0));
        assertThat(staying.resets).isEqualTo(2);
        assertThat(ports.read(HOT_PLUG + 4, 4)).isZero();
    }

    @Test
    void the_places_of_the_bus_are_given_out_once() {
        for (int device = 1; device < 32; device++) {
            assertThat(bridge.plug(new TestFunction("f" + device)).device()).isEqualTo(device);
        }
        assertThatThrownBy(() -> bridge.plug(new TestFunction("more"))).isInstanceOf(ConfigurationException.class)
                .hasMessage("Cannot plug more: all 32 places of the PCI bus are taken");
        assertThatThrownBy(() -> bridge.plug(new TestFunction("more"), 3)).isInstanceOf(ConfigurationException.class)
                .hasMessage("Cannot plug more at 00:03.0: f3 is there");
        for (PciAddress nobody : List.of(new PciAddress(0, 0, 0), new PciAddress(1, 1, 0), new PciAddress(0, 1, 1))) {
            assertThatThrownBy(() -> bridge.unplug(nobody)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining(nobody.toString());
        }
        assertThat(bridge.unplug(new PciAddress(0, 3, 0)).toCompletableFuture()).succeedsWithin(
                java.time.Duration.ofSeconds(10));
        assertThat(bridge.plug(new TestFunction("again"))).hasToString("00:03.0");
    }

    // ------------------------------------------------------------------------------------------ end, and state

    @Test
    void what_is_plugged_is_closed_with_the_bus() {
        List<TestFunction> all = Stream.of("a", "b").map(TestFunction::new).toList();
        all.forEach(bridge::plug);
        bridge.reset();
        var waiting = bridge.unplug(new PciAddress(0, 1, 0)).toCompletableFuture();
        bridge.close();
        bridge.close();
        assertThat(all).allSatisfy(function -> assertThat(function.closes).isEqualTo(1));
        assertThat(waiting).isCompletedExceptionally();
        assertThatThrownBy(() -> bridge.plug(new TestFunction("late"))).isInstanceOf(LifecycleException.class);
    }

    @Test
    void its_state_comes_back_with_the_places_of_the_registers() {
        var function = new TestFunction("one").with(0, Kind.MEMORY32, 0x1000);
        bridge.plug(function);
        bridge.reset();
        PciHostBridge.State early = bridge.save();
        write(1, 0x10, 4, 0xF940_0000L);
        write(1, 4, 2, 2);
        bridge.unplug(new PciAddress(0, 1, 0));
        PciHostBridge.State state = bridge.save();
        assertThat(state).isEqualTo(new PciHostBridge.State(0x8000_0804, 0, 2, List.of("00:01.0 one")));
        function.writeConfig(0x10, 4, 0xF950_0000);
        ports.write(0xCF8, 4, 0);
        bridge.restore(state);
        assertThat(mmio.find(0xF950_0000L, 4)).as("where the function's own state says").isNotNull();
        assertThat(ports.read(0xCF8, 4)).isEqualTo(0x8000_0804L);
        bridge.plug(new TestFunction("two"));
        assertThatThrownBy(() -> bridge.restore(early)).isInstanceOf(FormatException.class)
                .hasMessageContaining("had [00:01.0 one], this one has [00:01.0 one, 00:02.0 two]");
    }
}
