package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.samples.cli.kit.Progress;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Debian guest kit: fetched with the real apt, and its first process run on its real kernel, under QEMU. */
@Tag("guest")
class GuestKitIT {

    private static final String COMMAND_LINE = "console=ttyS0 quiet panic=-1 " + KitInitramfs.COMMAND_LINE;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    private static DebianGuestKit kit;

    @TempDir
    Path folder;

    @BeforeAll
    static void fetch() {
        kit = TestKit.fetched();
    }

    @Test
    void theKitIsAnUnmodifiedDebianCloudKernelAndBusybox() throws Exception {
        assertThat(kit.release()).endsWith("-cloud-amd64");
        assertThat(Files.readAllBytes(kit.kernel())).as("boot sector signature and header (boot protocol)")
                .containsSequence("HdrS".getBytes(StandardCharsets.US_ASCII));
        assertThat(kit.busybox()).isExecutable();
        assertThat(kit.modules().resolve("kernel/arch/x86/kvm/kvm-amd.ko")).isRegularFile();
    }

    @Test
    void aKitThatIsThereIsUsedWithoutAptOrTheNetwork() {
        CacheFolder cache = TestKit.cache();
        var said = new ArrayList<String>();
        DebianGuestKit again = DebianGuestKit.in(cache, new Progress() {
            @Override
            public void step(String what) {
                said.add(what);
            }

            @Override
            public void update(String detail) {
                said.add(detail);
            }

            @Override
            public void finish() {}
        });
        assertThat(again).isEqualTo(kit);
        assertThat(said).isEmpty();
    }

    @Test
    void aScriptsOutputIsByteExactAndSurroundedByMarkers() throws Exception {
        String script = "printf 'one\\r\\n\\000\\001\\003\\004\\032\\377two'; echo trouble >&2; exit 42";
        Qemu.Result result = boot(script);
        assertThat(result.data()).isEqualTo(concatenate("one\r\n\0\1\3\4\32".getBytes(StandardCharsets.US_ASCII),
                new byte[] {(byte) 0xFF}, "two\0marker 42\n".getBytes(StandardCharsets.US_ASCII)));
        assertThat(result.console()).contains("\0marker begin\ntrouble\n\0marker end\n");
    }

    @Test
    void aScriptThatASignalEndsHasTheShellsStatusForIt() throws Exception {
        assertThat(boot("kill -9 $$").data()).isEqualTo("\0marker 137\n".getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void aScriptSeesAnEmptyInputAndAUsableSystem() throws Exception {
        Qemu.Result result = boot(
                "cat; test -w /tmp && test -e /dev/null && test -d /proc/1 && pwd && id -u && hostname");
        assertThat(new String(result.data(), StandardCharsets.US_ASCII)).isEqualTo("/root\n0\nvz\n\0marker 0\n");
    }

    private Qemu.Result boot(String script) throws Exception {
        var initramfs = new KitInitramfs(kit.busybox(), KitInitramfs.Terminal.UNKNOWN,
                new KitInitramfs.Exec(script, "marker"), List.of(), KitInitramfs.Setup.NONE);
        Path initrd = Files.write(folder.resolve("initrd"), initramfs.archive());
        Qemu.Result result = new Qemu(kit.kernel(), initrd, COMMAND_LINE, 512, 1).run(folder, LIMIT);
        System.out.println("The guest kit ran under QEMU in " + result.took().toMillis() + " ms");
        return result;
    }

    private static byte[] concatenate(byte[]... parts) {
        var whole = new ByteArrayOutputStream();
        List.of(parts).forEach(whole::writeBytes);
        return whole.toByteArray();
    }
}
