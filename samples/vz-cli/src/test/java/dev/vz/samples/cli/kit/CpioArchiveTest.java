package dev.vz.samples.cli.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpioArchiveTest {

    @TempDir
    Path folder;

    @Test
    void cpioListsEveryEntryWithItsTypeModeAndSize() throws Exception {
        byte[] archive = sample();
        List<String> listing = run(archive, "-itv", "--quiet").lines().map(line -> line.replaceAll(" +", " ")).toList();
        assertThat(listing).hasSize(6);
        assertThat(listing.get(0)).startsWith("drwxr-xr-x 2 root root 0").endsWith(" dev");
        assertThat(listing.get(1)).startsWith("crw------- 1 root root 5, 1").endsWith(" dev/console");
        assertThat(listing.get(2)).startsWith("prw-r--r-- 1 root root 0").endsWith(" pipe");
        assertThat(listing.get(3)).startsWith("-rwxr-xr-x 1 root root 5").endsWith(" init");
        assertThat(listing.get(4)).startsWith("lrwxrwxrwx 1 root root 4").endsWith(" sh -> init");
        assertThat(listing.get(5)).startsWith("-rw-r--r-- 1 root root 0").endsWith(" größe");
    }

    @Test
    void cpioUnpacksTheSameBytes() throws Exception {
        Path unpacked = Files.createDirectory(folder.resolve("unpacked"));
        Path source = Files.writeString(folder.resolve("source"), "from a file");
        byte[] archive = archive(cpio -> cpio.directory("a", 0755).file("a/text", 0640, bytes("line\n"))
                .symbolicLink("link", "a/text").file("copy", 0644, source));
        run(archive, "-id", "--quiet", "-D", unpacked.toString());
        assertThat(unpacked.resolve("a/text")).hasContent("line\n");
        assertThat(unpacked.resolve("copy")).hasContent("from a file");
        assertThat(Files.readSymbolicLink(unpacked.resolve("link"))).hasToString("a/text");
    }

    @Test
    void anArchiveIsAMultipleOf512BytesAndTheSameEachTime() {
        assertThat(sample()).isEqualTo(sample());
        assertThat(sample().length % 512).isZero();
    }

    @Property(tries = 200)
    void aFilesContentStartsAndEndsOnFourBytes(@ForAll @Size(max = 70) byte[] content) {
        byte[] archive = archive(cpio -> cpio.file("name", 0644, content));
        assertThat(field(archive, 0, 6)).as("c_filesize").isEqualTo(content.length);
        // Header of 110 bytes, "name" and its NUL, padded to 4 (cpio(5)).
        int start = 116;
        assertThat(archive).startsWith(bytes("070701"));
        assertThat(Arrays.copyOfRange(archive, start, start + content.length)).isEqualTo(content);
        int next = start + (content.length + 3) / 4 * 4;
        assertThat(new String(archive, next, 6, StandardCharsets.US_ASCII)).isEqualTo("070701");
        assertThat(new String(archive, next + 110, 10, StandardCharsets.US_ASCII)).isEqualTo("TRAILER!!!");
    }

    @Test
    void aNameThatLeavesTheRootIsRefused() {
        for (String name : List.of("", "/init", "../init", "a/../b", "a//b", "./a", "a/", "nul\0byte")) {
            assertThatThrownBy(() -> archive(cpio -> cpio.directory("a", 0755).file(name, 0644, new byte[0])))
                    .as("name \"%s\"", name).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void anEntryBeforeItsFolderIsRefused() {
        assertThatThrownBy(() -> archive(cpio -> cpio.file("vz/init", 0755, new byte[0])))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("add the folder first");
    }

    @Test
    void anEntryThatIsThereAlreadyIsRefused() {
        assertThatThrownBy(() -> archive(cpio -> cpio.directory("a", 0755).file("a", 0644, new byte[0])))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("already");
    }

    @Test
    void aModeBeyondThePermissionBitsIsRefused() {
        assertThatThrownBy(() -> archive(cpio -> cpio.file("a", 0100644, new byte[0])))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("0100644");
    }

    private static byte[] archive(Consumer<CpioArchive> entries) {
        var bytes = new ByteArrayOutputStream();
        var archive = new CpioArchive(bytes);
        entries.accept(archive);
        archive.finish();
        return bytes.toByteArray();
    }

    private static byte[] sample() {
        return archive(cpio -> cpio.directory("dev", 0755).characterDevice("dev/console", 0600, 5, 1).fifo("pipe", 0644)
                .file("init", 0755, bytes("init\n")).symbolicLink("sh", "init").file("größe", 0644, new byte[0]));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The header's field number {@code index}, of 8 hexadecimal digits, behind the 6 of the magic number. */
    private static int field(byte[] archive, int header, int index) {
        return Integer.parseInt(new String(archive, header + 6 + 8 * index, 8, StandardCharsets.US_ASCII), 16);
    }

    private String run(byte[] archive, String... arguments) throws IOException, InterruptedException {
        Path cpio = Peers.program("cpio", "cpio");
        Path file = folder.resolve("archive.cpio");
        Files.write(file, archive);
        var command = new ArrayList<>(List.of(cpio.toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectInput(file.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
