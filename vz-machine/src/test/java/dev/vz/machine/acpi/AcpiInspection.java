package dev.vz.machine.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Looks at firmware tables the way an operating system does, and with ACPICA's {@code iasl}. */
public final class AcpiInspection {

    private AcpiInspection() {}

    /** The tables in {@code area}, which lies at {@code address}, by signature. */
    public static Map<String, byte[]> tables(byte[] area, long address) {
        ByteBuffer b = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN);
        var found = new HashMap<String, byte[]>();
        assertThat(text(area, 0, 8)).isEqualTo("RSD PTR ");
        byte[] xsdt = table(area, b.getLong(24) - address);
        found.put("XSDT", xsdt);
        ByteBuffer entries = ByteBuffer.wrap(xsdt).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 36; i < xsdt.length; i += 8) {
            byte[] table = table(area, entries.getLong(i) - address);
            found.put(text(table, 0, 4), table);
        }
        ByteBuffer fadt = ByteBuffer.wrap(found.get("FACP")).order(ByteOrder.LITTLE_ENDIAN);
        found.put("DSDT", table(area, fadt.getLong(140) - address));
        found.put("FACS", table(area, fadt.getInt(36) - address));
        return found;
    }

    private static byte[] table(byte[] area, long offset) {
        int length = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN).getInt((int) offset + 4);
        return Arrays.copyOfRange(area, (int) offset, (int) offset + length);
    }

    private static String text(byte[] bytes, int offset, int length) {
        return new String(bytes, offset, length, StandardCharsets.US_ASCII);
    }

    /**
     * What {@code iasl -d} makes of each table. It must find nothing wrong, and the DSDT must compile back to the same
     * bytes.
     */
    public static Map<String, String> disassemble(Map<String, byte[]> tables, Path folder)
            throws IOException, InterruptedException {
        Path iasl = Peers.program("iasl", "acpica-tools");
        var sources = new HashMap<String, String>();
        for (Map.Entry<String, byte[]> table : tables.entrySet()) {
            String name = table.getKey().toLowerCase(Locale.ROOT);
            Path binary = folder.resolve(name + ".dat");
            Files.write(binary, table.getValue());
            String report = run(folder, iasl, "-d", binary.toString());
            assertThat(report).as(report).doesNotContain("Error").doesNotContain("Warning")
                    .doesNotContain("Invalid").doesNotContain("Incorrect").doesNotContain("checksum");
            String source = Files.readString(folder.resolve(name + ".dsl"));
            assertThat(source).as(source).doesNotContain("Incorrect").doesNotContain("**** ").doesNotContain("Unknown");
            sources.put(table.getKey(), source);
        }
        String compiled = run(folder, iasl, "-oa", "-p", folder.resolve("again").toString(),
                folder.resolve("dsdt.dsl").toString());
        assertThat(compiled).as(compiled).contains("0 Errors").contains("0 Warnings");
        byte[] again = Files.readAllBytes(folder.resolve("again.aml"));
        byte[] dsdt = tables.get("DSDT");
        assertThat(Arrays.copyOfRange(again, 36, again.length)).isEqualTo(Arrays.copyOfRange(dsdt, 36, dsdt.length));
        return sources;
    }

    private static String run(Path folder, Path program, String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(program.toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
