package dev.vz.machine.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirmwareTablesTest {

    private static final long ADDRESS = 0xE_0000;
    private static final FixedHardware FIXED = new FixedHardware(9, 0x600, 0x604, 0x608, 0xCF9, 6, 0x32, 3);

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

    /** The tables by signature, found the way an operating system does. */
    private static Map<String, byte[]> tables(byte[] area) {
        ByteBuffer b = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN);
        var found = new HashMap<String, byte[]>();
        assertThat(text(area, 0, 8)).isEqualTo("RSD PTR ");
        byte[] xsdt = table(area, b.getLong(24) - ADDRESS);
        found.put("XSDT", xsdt);
        ByteBuffer entries = ByteBuffer.wrap(xsdt).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 36; i < xsdt.length; i += 8) {
            byte[] table = table(area, entries.getLong(i) - ADDRESS);
            found.put(text(table, 0, 4), table);
        }
        ByteBuffer fadt = ByteBuffer.wrap(found.get("FACP")).order(ByteOrder.LITTLE_ENDIAN);
        found.put("DSDT", table(area, fadt.getLong(140) - ADDRESS));
        found.put("FACS", table(area, fadt.getInt(36) - ADDRESS));
        return found;
    }

    private static byte[] table(byte[] area, long offset) {
        int length = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN).getInt((int) offset + 4);
        return java.util.Arrays.copyOfRange(area, (int) offset, (int) offset + length);
    }

    private static String text(byte[] bytes, int offset, int length) {
        return new String(bytes, offset, length, StandardCharsets.US_ASCII);
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
        tables(area).forEach((name, table) -> {
            if (!name.equals("FACS")) {
                assertThat(sum(table, table.length)).as(name).isZero();
            }
        });
    }

    @Test
    void the_FADT_points_to_the_hardware() {
        ByteBuffer fadt = ByteBuffer.wrap(tables(build(dsdt())).get("FACP")).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(fadt.getShort(46)).isEqualTo((short) 9);
        assertThat(fadt.getInt(48)).as("no SMI command: always in ACPI mode").isZero();
        assertThat(fadt.getInt(56)).isEqualTo(0x600);
        assertThat(fadt.getInt(64)).isEqualTo(0x604);
        assertThat(fadt.getInt(76)).isEqualTo(0x608);
        assertThat(fadt.getLong(120)).isEqualTo(0xCF9);
        assertThat(fadt.get(128)).isEqualTo((byte) 6);
        assertThat(fadt.getInt(112) & 1 << 10).as("RESET_REG_SUP").isNotZero();
        assertThat(fadt.getInt(112) & 1 << 4).as("power button is fixed hardware").isZero();
    }

    @Test
    void the_FACS_lies_on_a_64_byte_boundary() {
        byte[] area = build(dsdt());
        int facs = ByteBuffer.wrap(tables(area).get("FACP")).order(ByteOrder.LITTLE_ENDIAN).getInt(36);
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
        Path iasl = Peers.program("iasl", "acpica-tools");
        for (Map.Entry<String, byte[]> table : tables(build(dsdt())).entrySet()) {
            String name = table.getKey().toLowerCase(java.util.Locale.ROOT);
            Path binary = folder.resolve(name + ".dat");
            Files.write(binary, table.getValue());
            String report = run(folder, iasl, "-d", binary.toString());
            assertThat(report).as(report).doesNotContain("Error").doesNotContain("Warning")
                    .doesNotContain("Invalid").doesNotContain("Incorrect").doesNotContain("checksum");
            String source = Files.readString(folder.resolve(name + ".dsl"));
            assertThat(source).as(source).doesNotContain("Incorrect").doesNotContain("**** ").doesNotContain("Unknown");
            if (name.equals("dsdt")) {
                assertThat(source).contains("Name (_S5, Package (0x04)").contains("EisaId (\"PNP0501\")")
                        .contains("0x03F8").contains("\"LNRO0005\"")
                        .contains("Interrupt (ResourceConsumer, Edge, ActiveHigh");
                String compiled = run(folder, iasl, "-oa", "-p", folder.resolve("again").toString(),
                        folder.resolve("dsdt.dsl").toString());
                assertThat(compiled).as(compiled).contains("0 Errors").contains("0 Warnings");
                byte[] again = Files.readAllBytes(folder.resolve("again.aml"));
                assertThat(java.util.Arrays.copyOfRange(again, 36, again.length))
                        .isEqualTo(java.util.Arrays.copyOfRange(table.getValue(), 36, table.getValue().length));
            }
        }
    }

    private static String run(Path folder, Path program, String... arguments) throws IOException, InterruptedException {
        var command = new java.util.ArrayList<String>();
        command.add(program.toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
