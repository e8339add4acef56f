package dev.vz.samples.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.MacAddress;
import dev.vz.samples.cli.device.DiskOption;
import dev.vz.samples.cli.device.GuestDevices;
import dev.vz.samples.cli.device.NetOption;
import dev.vz.samples.cli.device.ShareOption;
import dev.vz.samples.cli.device.VirtioTransport;
import dev.vz.samples.cli.device.VsockOption;
import dev.vz.samples.cli.guest.GuestOptions;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.image.ImageFormat;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class BootCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void withoutOptionsItIsAnInteractiveGuestOf512MiBAndOneProcessor() {
        assertThat(options()).isEqualTo(
                new GuestOptions("auto", null, null, "", 512L << 20, 1, null, null, false, GuestDevices.NONE));
    }

    @Test
    void everyOptionIsUnderstood() {
        assertThat(options("--backend", "kvm", "--kernel", "/boot/k", "--initrd", "/boot/i", "--append", "a=b c",
                "--memory", "2G", "--cpus", "4", "--exec", "uname -a", "--timeout", "1.5", "--verbose"))
                .isEqualTo(new GuestOptions("kvm", Path.of("/boot/k"), Path.of("/boot/i"), "a=b c", 2L << 30, 4,
                        "uname -a",
                        Duration.ofMillis(1500), true, GuestDevices.NONE));
    }

    @ParameterizedTest
    @CsvSource({"512M,536870912", "512,536870912", "1G,1073741824", "2g,2147483648", "65536K,67108864",
        "128MiB,134217728", "1T,1099511627776"})
    void memoryIsWrittenAsPeopleWriteIt(String text, long bytes) {
        assertThat(options("--memory", text).memory()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--memory=lots", "--memory=-1", "--memory=0", "--memory=3K", "--memory=9999999999999G",
        "--memory=999999999999T", "--cpus=0", "--cpus=-1", "--cpus=many", "--cpus=1025", "--timeout=0",
        "--timeout=-3", "--timeout=soon", "--timeout=1e99", "--exec=", "--exec=  ", "--nonsense", "stray",
        "--backend=bogus", "--kernel", "--disk", "--disk=", "--disk=x,format=zip", "--disk=x,readonly=maybe",
        "--disk=x,queues=0", "--disk=x,speed=9", "--disk=x,file=y", "--disk=readonly=on", "--disk=vhost-user=",
        "--disk=vhost-user=s,readonly=on",
        "--disk=x,vhost-user=s", "--net=", "--net=none",
        "--net=tap=", "--net=switch=", "--net=tap=a,switch=b", "--net=network=", "--net=network=n,tap=a", "--net=user,tap=x", "--net=tap=x,loopback=10.0.2.4",
        "--net=user,mac=1", "--net=user,mac=01:00:00:00:00:00", "--net=user,loopback=here", "--share=", "--share=x",
        "--share=x=", "--share==/x", "--share=a b=/x", "--share=x=/y,tag=z", "--share=x=/y,vhost-user=s",
        "--share=x,vhost-user=s,readonly=on", "--share=x,vhost-user=",
        "--net=user,vhost-user=s", "--net=vhost-user=", "--vsock=", "--vsock=s,cid=2",
        "--vsock=s,cid=4294967295", "--vsock=s,forward=", "--vsock=s,forward=1/x", "--vsock=s,forward=1/1"})
    void aWrongOptionIsNamedInOneLineAndTheStatusIs2(String option) {
        int status = execute("boot", option);
        assertThat(status).isEqualTo(2);
        List<String> lines = err.toString().lines().toList();
        assertThat(lines.getFirst()).startsWith("vz: ").containsIgnoringCase(option.split("=")[0]);
        assertThat(lines.getLast()).isEqualTo("vz: see vz boot --help");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void disksAreDescribedByWordsBetweenCommas() {
        var raw = new DiskOption(
                new DiskOption.Image(Path.of("a,b.img"), ImageFormat.RAW, false, "", CacheMode.WRITEBACK), 1,
                VirtioTransport.PCI, true);
        var qcow2 = new DiskOption(
                new DiskOption.Image(Path.of("c"), ImageFormat.QCOW2, true, "S1", CacheMode.UNSAFE), 4,
                VirtioTransport.MMIO, false);
        var other = new DiskOption(new DiskOption.BackEnd(Path.of("/run/disk")), 2, VirtioTransport.PCI, true);
        assertThat(options("--disk", "a,,b.img", "--disk",
                "file=c,format=qcow2,readonly=on,serial=S1,queues=4,cache=unsafe,transport=mmio,packed=off",
                "--disk", "vhost-user=/run/disk,queues=2").devices().disks()).containsExactly(raw, qcow2, other);
    }

    @Test
    void networkCardsAreDescribedByWordsBetweenCommas() throws Exception {
        var user = new NetOption(new NetOption.User(InetAddress.getByName("10.0.2.4")), null, VirtioTransport.PCI,
                true);
        var tap = new NetOption(new NetOption.Tap("tap7"), MacAddress.parse("52:54:00:00:00:07"), VirtioTransport.MMIO,
                false);
        var other = new NetOption(new NetOption.Switch(Path.of("/s,1")), null, VirtioTransport.PCI, true);
        var named = new NetOption(new NetOption.Network("default"), null, VirtioTransport.PCI, true);
        assertThat(options("--net", "switch=/s,,1", "--net", "network=default", "--net", "user,loopback=10.0.2.4",
                "--net",
                "tap=tap7,mac=52:54:00:00:00:07,transport=mmio,packed=off").devices().nets())
                .containsExactly(other, named, user, tap);
    }

    @Test
    void sharedFoldersAndSocketsAreDescribedByWordsBetweenCommas() {
        GuestDevices devices = options("--share", "a=/x=y,,z", "--share", "b-1=d,readonly=on,transport=mmio,packed=off",
                "--vsock", "/s,cid=7,forward=1/4294967294").devices();
        assertThat(devices.shares()).containsExactly(
                new ShareOption("a", new ShareOption.Folder(Path.of("/x=y,z"), false), VirtioTransport.PCI, true),
                new ShareOption("b-1", new ShareOption.Folder(Path.of("d"), true), VirtioTransport.MMIO, false));
        assertThat(devices.vsock()).isEqualTo(
                new VsockOption(Path.of("/s"), 7, List.of(1, -2), VirtioTransport.PCI, true));
        assertThat(devices.setup()).isEqualTo(new KitInitramfs.Setup(false, List.of("a", "b-1")));
        assertThat(devices.modules()).containsExactly("virtio_pci", "virtio-rng", "virtio_mmio", "virtiofs",
                "vmw_vsock_virtio_transport");
    }

    @Test
    void helpNamesEveryOptionTheExamplesAndTheExitStatus() {
        assertThat(execute("boot", "--help")).isZero();
        assertThat(out.toString()).contains("--backend", "--kernel", "--initrd", "--append", "--memory", "--cpus",
                "--exec", "--timeout", "Examples:", "vz boot --exec 'uname -a'", "Exit status:", "Ctrl-A X");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void theCommandItselfHasHelpAndAVersion() {
        assertThat(execute("--help")).isZero();
        assertThat(out.toString()).contains("boot", "Examples:", "VZ_CACHE").doesNotContain("warm-up");
        assertThat(execute("--version")).isZero();
        assertThat(out.toString()).contains("vz ").contains("Java 2");
    }

    @Test
    void withoutACommandTheUsageIsWrong() {
        assertThat(execute()).isEqualTo(2);
        assertThat(err.toString()).startsWith("vz: Name a command");
        assertThat(execute("bot")).isEqualTo(2);
        assertThat(err.toString()).contains("'bot'").contains("boot");
    }

    private GuestOptions options(String... arguments) {
        var command = new BootCommand();
        new CommandLine(command).parseArgs(arguments);
        return command.options();
    }

    private int execute(String... arguments) {
        return Vz.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments);
    }
}
