package dev.vz.machine.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirmwareTablesTest {

    private static final long ADDRESS = 0xE_0000;
    private static final FixedHardware FIXED = new FixedHardware(9, 0x600, 0x604, 0x608, 0x610, 0xCF9, 6, 0x32, 3);

    private static byte[] build(Aml dsdt) {
        var madt = new Madt(0xFEE0_0000L);
        for (int i = 0; i < 300; i++) {
            madt.processor(i, i);
        }
        madt.ioapic(1, 0xFEC0_0000L, 0).isaOverride(0, 2, false).isaOverride(9, 9, true).localNmi(1);
        return AcpiTables.build(ADDRESS, 0x2_0000, FIXED, madt.bytes(), dsdt, List.of());
    }

    private static Aml dsdt() {
        return Aml.list(List.of(
                Aml.name("_S5", Aml.packageOf(Aml.integer(5), Aml.integer(0), Aml.integer(0), Aml.integer(0))),
                Aml.scope("\\_SB", Aml.device("COM1", Aml.name("_HID", Aml.eisaId("PNP0501")),
                        Aml.name("_UID", Aml.integer(1)),
                        Aml.method("_STA", 0, Aml.returns(Aml.integer(0xF))),
                        Aml.name("_CRS", Aml.resources(Aml.ioPorts(0x3F8, 8), Aml.irq(4)))),
                        Aml.device("VM00", Aml.name("_HID", Aml.string("LNRO0005")), Aml.name("_UID", Aml.integer(0)),
                                Aml.name("_CRS", Aml.resources(Aml.memory32(0xFD00_0000L, 0x1000),
                                        Aml.interrupt(16, false)))))));
    }

    private static int sum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return sum & 0xFF;
    }

    @Test
    void every_table_sums_to_zero() {
        byte[] area = build(dsdt());
        assertThat(sum(area, 20)).as("RSDP of revision 0").isZero();
        assertThat(sum(area, 36)).as("RSDP").isZero();
        AcpiInspection.tables(area, ADDRESS).forEach((name, table) -> {
            if (!name.equals("FACS")) {
                assertThat(sum(table, table.length)).as(name).isZero();
            }
        });
    }

    @Test
    void the_FADT_points_to_the_hardware() {
        ByteBuffer fadt = ByteBuffer.wrap(AcpiInspection.tables(build(dsdt()), ADDRESS).get("FACP"))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(fadt.getShort(46)).isEqualTo((short) 9);
        assertThat(fadt.getInt(48)).as("no SMI command: always in ACPI mode").isZero();
        assertThat(fadt.getInt(56)).isEqualTo(0x600);
        assertThat(fadt.getInt(64)).isEqualTo(0x604);
        assertThat(fadt.getInt(76)).isEqualTo(0x608);
        assertThat(fadt.getInt(80)).isEqualTo(0x610);
        assertThat(fadt.get(92)).as("GPE0_BLK_LEN").isEqualTo((byte) 2);
        assertThat(fadt.getLong(120)).isEqualTo(0xCF9);
        assertThat(fadt.get(128)).isEqualTo((byte) 6);
        assertThat(fadt.getInt(112) & 1 << 10).as("RESET_REG_SUP").isNotZero();
        assertThat(fadt.getInt(112) & 1 << 4).as("power button is fixed hardware").isZero();
    }

    @Test
    void the_FACS_lies_on_a_64_byte_boundary() {
        byte[] area = build(dsdt());
        int facs = ByteBuffer.wrap(AcpiInspection.tables(area, ADDRESS).get("FACP")).order(ByteOrder.LITTLE_ENDIAN)
                .getInt(36);
        assertThat(facs % 64).isZero();
    }

    @Test
    void tables_that_do_not_fit_are_refused() {
        assertThatThrownBy(() -> build(Aml.buffer(new byte[0x2_0000]))).isInstanceOf(ConfigurationException.class)
                .hasMessage("The firmware tables need more than the 131072 bytes that are there for them; attach fewer "
                        + "devices");
    }

    @Test
    void iasl_disassembles_every_table_and_compiles_it_back_to_the_same(@TempDir Path folder) throws Exception {
        Map<String, String> sources = AcpiInspection.disassemble(AcpiInspection.tables(build(dsdt()), ADDRESS), folder);
        assertThat(sources).containsOnlyKeys("XSDT", "FACP", "APIC", "DSDT", "FACS");
        assertThat(sources.get("DSDT")).contains("Name (_S5, Package (0x04)").contains("EisaId (\"PNP0501\")")
                .contains("0x03F8").contains("\"LNRO0005\"")
                .contains("Interrupt (ResourceConsumer, Edge, ActiveHigh");
    }
}
