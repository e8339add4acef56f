package dev.vz.samples.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.GuestException;
import dev.vz.testing.Peers;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class BenchCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aKernelComputesTheSameOnBothAndBothAreTimed() {
        needsPeers();
        assertThat(execute("cpu", "--runs", "1", "--rounds", "2", "--kernel", "strings", "--interpreter")).as("%s", err)
                .isZero();
        List<String> lines = out.toString().lines().toList();
        assertThat(lines.get(1)).matches("strings( +[0-9.]+ ms){3} +[0-9.]+");
        assertThat(lines.getLast()).matches("geometric mean of the ratios: [0-9.]+");
    }

    @ParameterizedTest
    @ValueSource(strings = {"syscalls", "faults", "switches"})
    void whatAnOperatingSystemDoesComesToTheSameOnBoth(String kernel) {
        needsPeers();
        assertThat(execute("cpu", "--runs", "1", "--rounds", "1", "--kernel", kernel)).as("%s", err).isZero();
        assertThat(out.toString().lines().toList().get(1)).startsWith(kernel);
    }

    @Test
    void theReportsOfAJvmAreRead() {
        JvmMemory memory = JvmMemory.of(List.of("4711:", "", "Native Memory Tracking:", "",
                "Total: reserved=2000KB, committed=1536KB", "       malloc: 100KB #5, peak=100KB #6", "",
                "-                 Java Heap (reserved=1500KB, committed=1024KB)",
                "                            (mmap: reserved=1500KB, committed=1024KB, at peak)", " ",
                "-    Shared class space (reserved=16KB, committed=8KB, readonly=0KB)"));
        assertThat(memory.total()).isEqualTo(1536 << 10);
        assertThat(memory.committed()).containsExactly(Map.entry("Java Heap", 1L << 20),
                Map.entry("Shared class space", 8L << 10));
        assertThat(JvmMemory.heapUsed(List.of(" def new generation   total 9216K, used 100K [0x1, 0x2, 0x3)",
                "  eden space 8192K,   1% used [0x1, 0x2, 0x3)", " tenured generation   total 10240K, used 28K [0x1)")))
                .isEqualTo(128 << 10);
        assertThatThrownBy(() -> JvmMemory.of(List.of("4711:", "Native memory tracking is not enabled")))
                .isInstanceOf(GuestException.class).hasMessageContaining("is not enabled");
        assertThatThrownBy(() -> JvmMemory.heapUsed(List.of("nothing"))).isInstanceOf(GuestException.class);
    }

    @Test
    void aKernelThatIsNotThereIsNamed() {
        needsPeers();
        assertThat(execute("cpu", "--runs", "1", "--rounds", "1", "--kernel", "nonesuch")).isEqualTo(1);
        assertThat(err.toString()).contains(GuestException.class.getSimpleName(), "no kernel nonesuch");
    }

    @Test
    void serversAreAskedByFioAndImagesByQemuImg(@TempDir Path folder) throws Exception {
        Peers.program("fio", "fio");
        Peers.program("qemu-nbd", "qemu-utils");
        Peers.program("nbdkit", "nbdkit");
        var images = new StorageImages(folder, 1 << 20);
        StorageRow servers = new ServerRows(images, List.of("/nonesuch/vz"), 1).all().getFirst();
        StorageRow map = new ImageRows(images, List.of("/nonesuch/vz")).all().getLast();
        for (StorageRow row : List.of(servers, map)) {
            for (StorageRow.Contestant contestant : row.contestants()) {
                if (contestant.name().equals("vz")) {
                    assertThatThrownBy(contestant.run()::measure).isInstanceOf(CapabilityException.class)
                            .hasMessageContaining("/nonesuch/vz");
                } else {
                    assertThat(contestant.run().measure()).as(contestant.name()).isPositive();
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu --runs 0", "cpu --rounds 1001", "boot --cpus 0", "boot --runs -1", "boot --cpus 65",
        "guest --runs 0", "guest --seconds 0", "guest --only bogus",
        "storage --runs 0", "storage --only bogus", "nonesuch", "cpu --bogus", "net nonesuch", "net --rounds 0",
        "net nat --seconds -1", "cost nonesuch", "cost --seconds 0", "cost idle --cpus 65", ""})
    void aWrongCommandLineIsRefused(String line) {
        assertThat(execute(line.isEmpty() ? new String[0] : line.split(" ", -1))).isEqualTo(2);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void aProgramThatIsMissingIsNamedWithThePackagesThatHaveIt() {
        assertThatThrownBy(() -> Peer.start(new ProcessBuilder("/nonesuch/qemu")))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("/nonesuch/qemu")
                .hasMessageContaining("qemu-system-x86");
    }

    private static void needsPeers() {
        Peers.program("gcc", "gcc");
        Peers.program("objcopy", "binutils");
        Peers.program("qemu-system-x86_64", "qemu-system-x86");
    }

    private int execute(String... arguments) {
        return new CommandLine(new BenchCommand()).setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true)).execute(arguments);
    }
}
