package dev.vz.samples.cli.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.disk.Program;
import dev.vz.samples.cli.io.IoCommand;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.ChangeBits;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same command lines, here and there: the same output and the same exit status. Each side works in a folder of its
 * own; numbers that differ from run to run are left out.
 */
class SameAsQemuTest {

    private record Outcome(int status, String text) {}

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private Path ours() {
        return folder.resolve("a");
    }

    private Path theirs() {
        return folder.resolve("b");
    }

    @BeforeEach
    void twoFolders() throws IOException {
        Peers.program("qemu-img", "qemu-utils");
        Peers.program("qemu-io", "qemu-utils");
        Files.createDirectories(ours());
        Files.createDirectories(theirs());
    }

    @AfterEach
    void asBefore() {
        Program.startedAs("vz");
    }

    private Outcome here(String tool, List<String> arguments) {
        Program.startedAs(tool);
        var bytes = new ByteArrayOutputStream();
        var out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        int status = tool.equals("qemu-img") ? ImageCommand.run(arguments, out, out)
                : IoCommand.run(arguments, InputStream.nullInputStream(), out, out);
        return new Outcome(status, bytes.toString(StandardCharsets.UTF_8));
    }

    private static Outcome there(String tool, List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(Peers.program(tool, "qemu-utils").toString());
        command.addAll(arguments);
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), text);
        } catch (IOException failure) {
            throw new AssertionError(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError(interrupted);
        }
    }

    /** Runs a line on both sides; {@code @} stands for each side's folder. */
    private void same(String line) {
        String tool = line.startsWith("io ") ? "qemu-io" : "qemu-img";
        List<String> words = words(line.startsWith("io ") ? line.substring(3) : line);
        Outcome here = here(tool, words.stream().map(word -> word.replace("@", ours() + "/")).toList());
        Outcome there = there(tool, words.stream().map(word -> word.replace("@", theirs() + "/")).toList());
        assertThat(stable(here.text(), ours())).as(line).isEqualTo(stable(there.text(), theirs()));
        assertThat(here.status()).as(line).isEqualTo(there.status());
    }

    private static List<String> words(String line) {
        var words = new ArrayList<String>();
        var word = new StringBuilder();
        boolean quoted = false;
        for (char c : (line + " ").toCharArray()) {
            if (c == '\'') {
                quoted = !quoted;
            } else if (c == ' ' && !quoted) {
                if (!word.isEmpty()) {
                    words.add(word.toString());
                    word.setLength(0);
                }
            } else {
                word.append(c);
            }
        }
        return words;
    }

    private static String stable(String text, Path folder) {
        return text.replace(folder + "/", "@").replaceAll("disk size: .*", "disk size: N").replaceAll(
                "\"actual-size\": \\d+", "\"actual-size\": N").replaceAll("(?m)^.* ops; .*$", "OPS").replaceAll(
                        "cid: \\d+", "cid: N")
                .replaceAll("\"(parent-)?cid\": \\d+", "CID").replaceAll("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d",
                        "DATE")
                .replaceAll("\"date-n?sec\": \\d+", "DATE").replaceAll("Image end offset: \\d+\n", "").replaceAll(
                        "\"(image-end-)?offset\": \\d+", "OFFSET")
                .replaceAll("(0x[0-9a-f]+ +0x[0-9a-f]+ +)0x[0-9a-f]+", "$1X")
                .replaceAll("(?m)^(0 +0x[0-9a-f]+ +)0x[0-9a-f]+",
                        "$1X");
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx", "parallels", "qed"})
    void anImageOfEachFormatIsMadeToldOfWrittenCheckedAndMappedAsThere(String format) {
        same("create -f " + format + " @disk 7M");
        same("info -f " + format + " @disk");
        same("info -f " + format + " --output=json @disk");
        same("io -f " + format + " -c 'write -P 7 1M 70k' -c 'read -P 7 1M 70k' -c 'read -P 0 0 1M' @disk");
        same("io -f " + format + " -c 'read -v 1M 32' -c 'write -z 1M 64k' -c 'read -P 0 1M 64k' @disk");
        same("check -f " + format + " @disk");
        same("convert -f " + format + " -O raw @disk @copy.raw");
        same("compare -f " + format + " -F raw @disk @copy.raw");
        same("compare -s -f " + format + " -F raw @disk @copy.raw");
        same("convert -f " + format + " -O " + format + " @disk @copy");
        same("compare -f " + format + " -F " + format + " @disk @copy");
        same("compare -s -f " + format + " -F " + format + " @disk @copy");
        same("measure -O " + format + " --size 3G");
        same("create -f " + format + " -o help @disk");
        same("amend -f " + format + " @disk");
    }

    @Test
    void backingChainsAreToldOfMappedCommittedAndRebasedAsThere() {
        same("create -f qcow2 @base 4M");
        same("io -c 'write -P 1 0 1M' @base");
        same("create -f qcow2 -b base -F qcow2 @middle");
        same("io -c 'write -P 2 1M 1M' @middle");
        same("create -f qcow2 -b middle -F qcow2 @top 5M");
        same("io -c 'write -P 3 2M 64k' -c map -c 'alloc 2M 128k' @top");
        same("info --backing-chain @top");
        same("info --backing-chain --output=json @top");
        same("map @top");
        same("map --output=json @top");
        same("map --start-offset=1M --max-length=1M --output=json @top");
        same("create -f qcow2 -b nowhere -F qcow2 @none 1M");
        same("create -f qcow2 -b middle @none 1M");
        same("rebase -b base -F qcow2 @top");
        same("io -c 'read -P 1 0 1M' -c 'read -P 2 1M 1M' -c 'read -P 3 2M 64k' @top");
        same("commit @top");
        same("io -c 'read -P 2 1M 1M' -c 'read -P 3 2M 64k' @base");
        same("rebase -u -b '' @top");
        same("info @top");
        same("commit @top");
    }

    @Test
    void sizesSnapshotsAndRepairsAreToldAsThere() {
        same("create -f qcow2 -o compat=0.10,cluster_size=4k @disk 1M");
        same("snapshot -c one @disk");
        same("io -c 'write -P 9 0 64k' @disk");
        same("snapshot -l @disk");
        same("snapshot -a one @disk");
        same("io -c 'read -P 0 0 64k' @disk");
        same("snapshot -d none @disk");
        same("snapshot -d one @disk");
        same("snapshot -l @disk");
        same("resize @disk +1M");
        same("resize @disk 1M");
        same("resize --shrink @disk 1M");
        same("resize @disk -- -3M");
        same("check --output=json @disk");
        same("create -f raw @raw 3M");
        same("resize -f raw @raw 5M");
        same("resize -f raw --preallocation=full @raw 6M");
    }

    @Test
    void bitmapsAreCopiedAsThere() throws IOException {
        same("create -f qcow2 @disk 4M");
        same("bitmap --add @disk b0");
        same("bitmap --add -g 128k @disk b1");
        same("io -c 'write 1M 64k' @disk");
        same("bitmap --disable @disk b1");
        same("io -c 'write 3M 64k' @disk");
        same("measure -O qcow2 @disk");
        same("measure --output=json -O qcow2 -o cluster_size=4k @disk");
        same("measure -O qcow2 -o compat=0.10 @disk");
        same("convert --bitmaps -O qcow2 @disk @copy");
        same("info --output=json @copy");
        same("check @copy");
        same("bitmap --merge b1 @copy b0");
        assertThat(marked(ours().resolve("copy"))).isEqualTo(marked(theirs().resolve("copy"))).containsExactly(16, 17,
                48);
        same("convert --bitmaps -O qcow2 -n @disk @copy");
        same("convert --bitmaps -O raw @disk @raw");
        same("convert --bitmaps -f raw -O qcow2 @raw @other");
        same("convert --bitmaps -O qcow2 @disk @disk @other");
        same("convert --bitmaps -O qcow2 -o compat=0.10 @disk @old");
        same("convert --skip-broken-bitmaps -O qcow2 @disk @other");
        // As a program leaves it that is killed: an enabled bitmap is in use while the image is open for writing.
        try (var image = DiskImage.open(ours().resolve("disk"), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            ((Qcow2Driver) image.driver()).addBitmap("b2", 65536, true);
            for (Path each : List.of(ours(), theirs())) {
                Files.copy(ours().resolve("disk"), each.resolve("killed"));
            }
        }
        same("convert --bitmaps -O qcow2 @killed @whole");
        same("convert --bitmaps --skip-broken-bitmaps -O qcow2 @killed @whole");
        same("info --output=json @whole");
    }

    /** The pieces of 64 KiB that the bitmap b0 has marked. */
    private static List<Integer> marked(Path image) {
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(true))) {
            ChangeBits bits = ((Qcow2Driver) disk.driver()).bitmap("b0");
            return IntStream.range(0, 64).filter(piece -> bits.contains(piece * 65536L)).boxed().toList();
        }
    }

    @Test
    void wrongCommandLinesFailAsThere() {
        same("create -f qcow2 @disk 1kilobyte");
        same("create -f qcow2 -o size=foobar @disk");
        same("create -f qcow2 -o nonsense=1 @disk 1M");
        same("create -f nonsense @disk 1M");
        same("create -f qcow2 -o cluster_size=1234 @disk 1M");
        same("create -f qcow2 -o compat=0.10,lazy_refcounts=on @disk 1M");
        same("create -f qcow2 @disk");
        same("create -f qcow2");
        same("create -f qcow2 -o size=1M @disk 1M");
        same("info @nowhere");
        same("info -f qcow2 @disk");
        same("check --output=nonsense @disk");
        same("check -r nonsense @disk");
        same("convert @disk");
        same("convert -S 3 @disk @copy");
        same("compare @disk");
        same("nonsense");
        same("resize @disk");
        same("io -c 'read 0' -c nonsense -c 'write -n 0 512' -c 'read x 1' -c 'read 0 1x' @nowhere");
        same("io -c 'read 0' -c nonsense -c 'read x 1'");
    }
}
