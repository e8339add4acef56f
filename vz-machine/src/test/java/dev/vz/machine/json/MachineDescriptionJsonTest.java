package dev.vz.machine.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.machine.CpuDescription;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.MemoryDescription;
import dev.vz.machine.RestartPolicy;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.memory.MemoryRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineDescriptionJsonTest {

    private static final String SMALLEST = "{ \"name\": \"m\", \"boot\": { \"kernel\": \"vmlinuz\" } }";

    private static MachineDescription parse(String text) {
        return MachineDescriptionJson.parse("test.json", text);
    }

    private static void assertRefused(String text, String message) {
        assertThatThrownBy(() -> parse(text)).isInstanceOf(FormatException.class).hasMessage(message);
    }

    /** The smallest description with one more field. */
    private static String with(String field) {
        return SMALLEST.replaceFirst("\\{", "{ " + field + ",");
    }

    @Test
    void what_is_left_out_has_its_standard_value() {
        assertThat(parse(SMALLEST))
                .isEqualTo(MachineDescription.of("m", LinuxBoot.of(BootFile.of(Path.of("vmlinuz")))));
    }

    @Test
    void a_full_description_is_read() {
        MachineDescription description = parse("""
                {
                  "name": "full",
                  "memory": { "size": "2G", "allocation": "fixed", "backing": "memfd", "pageSize": "2M" },
                  "cpus": { "count": 4, "hidden": ["avx2", "x2apic"] },
                  "boot": { "kernel": "k", "initrd": ["a", "b"], "commandLine": "quiet", "entry": "pvh", "unpack": true },
                  "serialPorts": 2,
                  "debugConsole": true,
                  "debugExit": 244,
                  "display": { "width": 1024, "height": 768 },
                  "onReset": "end",
                  "tripleFaultResets": true
                }
                """);
        assertThat(description.memory()).isEqualTo(new MemoryDescription(2L << 30, MemoryRequest.Allocation.FIXED,
                MemoryRequest.Backing.MEMFD, Optional.empty(), 2 << 20));
        assertThat(description.cpus()).isEqualTo(new CpuDescription(4, Set.of(CpuFeature.AVX2, CpuFeature.X2APIC)));
        assertThat(description.boot()).isEqualTo(LinuxBoot.of(BootFile.of(Path.of("k")))
                .withInitrd(BootFile.of(Path.of("a"))).withInitrd(BootFile.of(Path.of("b"))).withCommandLine("quiet")
                .withEntry(LinuxBoot.Entry.PVH).withUnpack(true));
        assertThat(description.platform().display()).isPresent();
        assertThat(description.platform().debugExit()).hasValue(244);
        assertThat(description.onReset()).isEqualTo(RestartPolicy.END);
        assertThat(description.tripleFaultResets()).isTrue();
    }

    @Test
    void what_is_written_is_read_back_as_the_same() {
        MachineDescription linux = MachineDescription
                .of("m", LinuxBoot.of(BootFile.of(Path.of("k"))).withInitrd(BootFile.of(Path.of("i")))
                        .withCommandLine("a=\"b c\" \\"))
                .withMemory(3L << 30).withCpus(new CpuDescription(3, Set.of(CpuFeature.AVX)))
                .withPlatform(p -> p.withDisplay(800, 600).withDebugExit(0xF4)).onReset(RestartPolicy.END);
        assertThat(parse(MachineDescriptionJson.write(linux))).isEqualTo(linux);
        MachineDescription code = MachineDescription.of("c",
                new CodeBoot(BootFile.of(Path.of("code.bin")), 0x7C00, CodeBoot.Mode.REAL));
        assertThat(parse(MachineDescriptionJson.write(code))).isEqualTo(code);
    }

    @Test
    void an_unknown_field_is_refused_with_those_that_are_known() {
        assertRefused(with("\"memroy\": 1"), "test.json: $: there is no field \"memroy\"; known are boot, cpus, "
                + "debugConsole, debugExit, display, memory, name, onReset, serialPorts, tripleFaultResets");
        assertRefused(with("\"cpus\": { \"sockets\": 1 }"),
                "test.json: $.cpus: there is no field \"sockets\"; known are count, hidden");
    }

    @Test
    void a_missing_field_is_named() {
        assertRefused("{ \"name\": \"m\" }", "test.json: $: the field \"boot\" is missing");
        assertRefused("{ \"name\": \"m\", \"boot\": {} }", "test.json: $.boot: the field \"kernel\" is missing");
        assertRefused("{ \"name\": \"m\", \"boot\": { \"code\": \"c\", \"address\": 4096 } }",
                "test.json: $.boot: the field \"mode\" is missing");
    }

    @Test
    void a_value_of_the_wrong_kind_is_named_with_what_was_expected() {
        assertRefused(with("\"memory\": \"lots\""),
                "test.json: $.memory: expected a size in bytes like 536870912 or \"512M\", found \"lots\"");
        assertRefused(with("\"memory\": \"99999999T\""),
                "test.json: $.memory: expected a size in bytes like 536870912 or \"512M\", found \"99999999T\"");
        assertRefused(with("\"cpus\": 1.5"),
                "test.json: $.cpus: expected a whole number of 32 bits, found 1.5");
        assertRefused(with("\"onReset\": \"maybe\""), "test.json: $.onReset: \"maybe\" is none of restart, end");
        assertRefused(with("\"debugConsole\": 1"), "test.json: $.debugConsole: expected true or false, found 1");
        assertRefused("[]", "test.json: $: expected an object, found []");
        assertRefused("{ \"name\": 7, \"boot\": {} }", "test.json: $.name: expected a text, found 7");
        assertRefused("{ \"name\": \"m\", \"boot\": { \"kernel\": \"k\", \"initrd\": [\"a\", 2] } }",
                "test.json: $.boot.initrd[1]: expected a text, found 2");
        assertRefused("{ \"name\": \"m\", \"boot\": { \"kernel\": \"a\\u0000b\" } }",
                "test.json: $.boot.kernel: no file can have this name: Nul character not allowed");
        assertRefused("{ \"name\": \"m\", \"boot\": { \"code\": \"c\", \"address\": \"4k\", \"mode\": \"real\" } }",
                "test.json: $.boot.address: expected an address as a number or like \"0x10000\", found \"4k\"");
    }

    @Test
    void text_that_is_no_JSON_is_refused_with_line_and_column() {
        assertThatThrownBy(() -> parse("{\n  \"name\": oops\n}")).isInstanceOf(FormatException.class)
                .hasMessageStartingWith("test.json: line 2, column 1");
        assertThatThrownBy(() -> parse("")).isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> parse(SMALLEST + "x")).isInstanceOf(FormatException.class)
                .hasMessageStartingWith("test.json: line 1");
        assertThatThrownBy(() -> parse("{ \"name\": \"a\", \"name\": \"b\" }")).isInstanceOf(FormatException.class)
                .hasMessageContaining("Duplicate");
    }

    @Test
    void what_cannot_be_is_refused_by_the_description_itself() {
        assertThatThrownBy(() -> parse(with("\"memory\": \"1M\""))).isInstanceOf(ConfigurationException.class)
                .hasMessage("A machine's memory is between 2 MiB and 2 PiB, got 1048576 bytes");
        assertThatThrownBy(() -> parse(with("\"cpus\": 0"))).isInstanceOf(ConfigurationException.class)
                .hasMessage("A machine has 1 to 255 processors, got 0");
        assertThatThrownBy(() -> parse(with("\"serialPorts\": 5"))).isInstanceOf(ConfigurationException.class)
                .hasMessage("A PC has 0 to 4 serial ports, got 5");
        assertThatThrownBy(() -> parse(SMALLEST.replace("\"m\"", "\"a/b\""))).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("got \"a/b\"");
        assertThatThrownBy(() -> parse(with("\"display\": { \"width\": 10, \"height\": 10 }")))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("got 10x10");
        assertThatThrownBy(() -> parse(with("\"memory\": { \"size\": \"64M\", \"backing\": \"file\" }")))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("needs a file");
    }

    @Test
    void bytes_in_memory_cannot_be_written() {
        MachineDescription description = MachineDescription.of("m", LinuxBoot.of(BootFile.of("built", new byte[1])));
        assertThatThrownBy(() -> MachineDescriptionJson.write(description)).isInstanceOf(ConfigurationException.class)
                .hasMessage(
                        "Cannot write a machine description that boots from built: bytes in memory have no name in a "
                                + "document; put them into a file");
    }

    @Test
    void a_file_is_read_within_limits(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("m.json");
        Files.writeString(file, SMALLEST);
        assertThat(MachineDescriptionJson.read(file).name()).isEqualTo("m");
        Files.writeString(file, " ".repeat(2 << 20));
        assertThatThrownBy(() -> MachineDescriptionJson.read(file)).isInstanceOf(FormatException.class)
                .hasMessage(file + ": a machine description has at most 1048576 bytes, this file has 2097152");
        assertThatThrownBy(() -> MachineDescriptionJson.read(folder.resolve("none"))).isInstanceOf(HostException.class);
    }

    @Property(tries = 2_000)
    void a_damaged_document_is_read_or_refused_and_nothing_else(@ForAll @IntRange(max = 200) int at, @ForAll char c) {
        String whole = MachineDescriptionJson.write(parse(SMALLEST));
        int place = at % whole.length();
        try {
            parse(whole.substring(0, place) + c + whole.substring(place + 1));
        } catch (VzException refused) {
            assertThat(refused).isInstanceOfAny(FormatException.class, ConfigurationException.class);
        }
    }
}
