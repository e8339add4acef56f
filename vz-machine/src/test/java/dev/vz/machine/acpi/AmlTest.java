package dev.vz.machine.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Encodings are those of ACPI 6.5, chapters 6.4 and 20. */
class AmlTest {

    private static String hex(Aml term) {
        return HexFormat.of().formatHex(term.bytes());
    }

    @Test
    void integers_take_the_shortest_form() {
        assertThat(hex(Aml.integer(0))).isEqualTo("00");
        assertThat(hex(Aml.integer(1))).isEqualTo("01");
        assertThat(hex(Aml.integer(5))).isEqualTo("0a05");
        assertThat(hex(Aml.integer(0x1234))).isEqualTo("0b3412");
        assertThat(hex(Aml.integer(0x12345678))).isEqualTo("0c78563412");
        assertThat(hex(Aml.integer(-1))).isEqualTo("0effffffffffffffff");
    }

    @Test
    void names_are_padded_and_paths_prefixed() {
        assertThat(hex(Aml.name("A", Aml.integer(0)))).isEqualTo("08415f5f5f00");
        assertThat(hex(Aml.scope("\\_SB"))).isEqualTo("10065c5f53425f");
        assertThat(hex(Aml.scope("\\_SB.PCI0"))).isEqualTo("100b5c2e5f53425f50434930");
        assertThat(hex(Aml.scope("A.B.C"))).startsWith("100f2f03");
        assertThatThrownBy(() -> Aml.scope("lower")).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"lower\"");
        assertThatThrownBy(() -> Aml.scope("1ABC")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Aml.scope("TOOLONG")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void EISA_ids_are_compressed_as_the_specification_shows() {
        // 6.1.5: EISAID("PNP0C0C") is 0x0C0CD041
        assertThat(hex(Aml.eisaId("PNP0C0C"))).isEqualTo("0c41d00c0c");
        assertThat(hex(Aml.eisaId("PNP0501"))).isEqualTo("0c41d00501");
        assertThatThrownBy(() -> Aml.eisaId("pnp0501")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void package_lengths_count_themselves() {
        assertThat(hex(Aml.packageOf(Aml.integer(1)))).isEqualTo("12030101");
        // 62 bytes of content still fit into one length byte, 63 do not.
        assertThat(hex(Aml.scope("A", Aml.string("x".repeat(56))))).startsWith("103f");
        assertThat(hex(Aml.scope("A", Aml.string("x".repeat(57))))).startsWith("104104");
        assertThat(hex(Aml.buffer(new byte[5000]))).startsWith("118e3801" + "0b8813");
    }

    @Test
    void methods_say_how_many_arguments_they_take() {
        assertThat(hex(Aml.method("_STA", 0, Aml.returns(Aml.integer(0xF))))).isEqualTo("14095f53544100a40a0f");
        assertThat(hex(Aml.method("M", 2))).isEqualTo("14064d5f5f5f02");
    }

    @Test
    void resource_templates_end_with_an_end_tag() {
        assertThat(hex(Aml.resources(Aml.ioPorts(0x3F8, 8), Aml.irq(4))))
                .isEqualTo("11100a0d" + "4701f803f8030108" + "221000" + "7900");
    }

    @Test
    void memory_and_extended_interrupts_are_long_descriptors() {
        assertThat(HexFormat.of().formatHex(Aml.memory32(0xFD00_0000L, 0x1000))).isEqualTo("86090001000000fd00100000");
        assertThat(HexFormat.of().formatHex(Aml.interrupt(16, false))).isEqualTo("890600030110000000");
        assertThat(HexFormat.of().formatHex(Aml.interrupt(16, true))).isEqualTo("890600010110000000");
    }
}
