package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code vz net} as far as it goes without privileges. */
class NetCommandTest {

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private final StringWriter said = new StringWriter();

    @BeforeEach
    void needIp() {
        Peers.program("ip", "iproute2");
    }

    private int run(String... words) {
        String[] all = new String[words.length + 2];
        all[0] = "--store";
        all[1] = folder.resolve("store").toString();
        System.arraycopy(words, 0, all, 2, words.length);
        said.getBuffer().setLength(0);
        var writer = new PrintWriter(said, true);
        return new CommandLine(new NetCommand()).setOut(writer).setErr(writer).execute(all);
    }

    @Test
    void aNetworkIsDefinedListedShownAndForgotten() throws Exception {
        Path xml = Files.writeString(folder.resolve("n.xml"),
                "<network><name>blue</name><ip address='10.3.0.1' prefix='24'/></network>");
        assertThat(run("define", xml.toString())).isZero();
        assertThat(said.toString()).contains("Network blue defined");
        assertThat(run("list", "--all")).isZero();
        assertThat(said.toString()).containsPattern("blue +inactive +no");
        assertThat(run("autostart", "blue")).isZero();
        assertThat(run("info", "blue")).isZero();
        assertThat(said.toString()).containsPattern("Autostart: +yes").contains("virbr");
        assertThat(run("dumpxml", "blue")).isZero();
        assertThat(said.toString()).contains("<ip address='10.3.0.1' netmask='255.255.255.0'>");
        assertThat(run("undefine", "blue")).isZero();
        assertThat(run("list", "--all")).isZero();
        assertThat(said.toString()).doesNotContain("blue");
    }

    @Test
    void aNetworkThatIsNotThereIsSaidSo() {
        assertThat(run("info", "red")).isNotZero();
        assertThat(said.toString()).contains("There is no network \"red\"");
    }
}
