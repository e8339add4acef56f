package dev.vz.samples.cli.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.disk.Program;
import dev.vz.samples.cli.io.IoCommand;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VHD and VHDX images over a parent, by commands that work for other formats. */
class DifferencingCommandsTest {

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @BeforeEach
    void name() {
        Program.startedAs("vz");
    }

    private String image(int status, String line) {
        return run(status, true, line);
    }

    private String io(int status, String... commands) {
        return run(status, false, commands);
    }

    private String run(int wanted, boolean image, String... words) {
        List<String> arguments = Arrays.stream(words).flatMap(word -> image ? Arrays.stream(word.split(" ")) : Arrays
                .stream(new String[] {word})).map(word -> word.replace("@", folder + "/")).toList();
        var bytes = new ByteArrayOutputStream();
        var out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        int status = image ? ImageCommand.run(arguments, out, out) : IoCommand.run(arguments, InputStream
                .nullInputStream(), out, out);
        String text = bytes.toString(StandardCharsets.UTF_8);
        assertThat(status).as("%s: %s", arguments, text).isEqualTo(wanted);
        return text;
    }

    @ParameterizedTest
    @ValueSource(strings = {"vpc", "vhdx"})
    void anImageOverAParentIsMadeWrittenToldOfAndCommitted(String format) {
        image(0, "create -f " + format + " @base 16M");
        io(0, "-f", format, "-c", "write -P 1 0 1M", "@base");
        image(0, "create -f " + format + " -b base -F " + format + " @top");
        io(0, "-f", format, "-c", "write -P 2 512 1k", "-c", "read -P 1 0 512", "-c", "read -P 2 512 1k", "-c",
                "read -P 1 1536 1k", "-c", "read -P 0 1M 1M", "@top");
        assertThat(image(0, "info -f " + format + " @top")).contains("backing file: base (actual path: " + folder
                + "/base)", "backing file format: " + format);
        assertThat(image(0, "info --backing-chain -f " + format + " @top")).contains("image: " + folder + "/base");
        assertThat(image(0, "map --output=json -f " + format + " @top")).contains("\"start\": 512, \"length\": 1024, "
                + "\"depth\": 0", "\"depth\": 1");
        image(0, "convert -f " + format + " -O raw @top @before");
        image(0, "commit -f " + format + " @top");
        assertThat(image(0, "map --output=json -f " + format + " @top")).doesNotContain("\"depth\": 0");
        image(0, "compare -f " + format + " -F raw @base @before");
        image(0, "compare -f " + format + " -F raw @top @before");
        assertThat(image(1, "create -f " + format + " -b before -F raw @wrong")).contains("Must be " + format);
        assertThat(image(1, "rebase -f " + format + " -b before -F raw @top")).contains("backing file");
    }
}
