package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.testing.Peers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code vz boot --backend kvm} with a stock Debian kernel, on KVM with real nested paging: all cases run one after the
 * other in one guest of QEMU's that has SVM.
 */
@Tag("nested")
class NestedBootIT {

    private static final Duration LIMIT = Duration.ofMinutes(15);
    private static Map<String, OuterGuest.Outcome> outcomes;

    @BeforeAll
    static void runAllCases(@TempDir Path folder) throws Exception {
        long start = System.nanoTime();
        DebianGuestKit kit = TestKit.fetched();
        JavaImage java = JavaImage.link(folder);
        outcomes = new OuterGuest(kit, java, Peers.program("script", "bsdutils"))
                .with("1-one-processor", "vz boot --backend kvm --timeout 120 --exec 'uname -r; nproc; "
                        + "echo trouble >&2; printf \"a\\r\\n\\0b\"; exit 7'")
                .with("2-two-processors", "vz boot --backend kvm --cpus 2 --timeout 120 --exec "
                        + "'nproc; grep -c ^processor /proc/cpuinfo'")
                .with("3-shell", "printf 'echo in-$((6 * 7)); tty\\nexit\\n' | vz boot --backend auto --timeout 120")
                .with("4-panic", "vz boot --backend kvm --timeout 120 --append rdinit=/none --exec true")
                .with("5-timeout", "vz boot --backend kvm --timeout 12 --exec 'sleep 1000'")
                .with("6-bad-input", """
                        vz boot --backend kvm --kernel /init </dev/null
                        echo "status $?"
                        vz boot --backend kvm --kernel /no/kernel </dev/null
                        echo "status $?"
                        vz boot --backend kvm --initrd /java/lib/modules --memory 64M --exec true
                        echo "status $?"
                        vz boot --backend kvm --append "$(printf '%5000s' x | tr ' ' y)" --exec true
                        echo "status $?"
                        """)
                .with("7-disks", """
                        truncate -s 32M /tmp/a /tmp/b
                        vz boot --backend kvm --timeout 200 --disk /tmp/a,serial=A --disk /tmp/b,transport=mmio,packed=off \\
                            --exec 'for d in vda vdb; do
                                mke2fs -F /dev/$d >/dev/null && mkdir -p /mnt && mount -t ext4 /dev/$d /mnt || exit 1
                                dd if=/dev/urandom of=/mnt/f bs=64k count=32 2>/dev/null; sum=$(sha256sum /mnt/f)
                                umount /mnt; mount -t ext4 /dev/$d /mnt; [ "$(sha256sum /mnt/f)" = "$sum" ] || exit 2
                                umount /mnt
                            done
                            printf "on the disk" | dd of=/dev/vda conv=fsync 2>/dev/null
                            head -c 16 /dev/hwrng | wc -c; cat /sys/block/vda/serial'
                        echo " status $?"
                        head -c 11 /tmp/a
                        """)
                .with("8-net-and-folder", """
                        mkdir /tmp/s; echo 'from the host' >/tmp/s/a
                        vz boot --backend kvm --timeout 200 --net user --share s=/tmp/s,transport=mmio --vsock /tmp/v --exec '
                            ip addr show dev eth0 | grep -o "inet 10.0.2.[0-9]*"; cat /mnt/s/a
                            ping -c 3 10.0.2.2 >/dev/null && echo answered
                            for i in 1 2 3 4 5; do head -c 300000 /dev/urandom; done >/mnt/s/b; sha256sum </mnt/s/b
                            ls /sys/bus/virtio/drivers/vmw_vsock_virtio_transport | grep -c virtio'
                        echo "status $?"
                        sha256sum </tmp/s/b
                        """)
                .run(folder, LIMIT);
        System.out.println("The nested test took " + Duration.ofNanos(System.nanoTime() - start).toSeconds() + " s");
    }

    @Test
    void aCommandOnOneProcessorGivesItsOutputByteByByteItsErrorsAndItsStatus() {
        OuterGuest.Outcome outcome = outcomes.get("1-one-processor");
        assertThat(outcome.err()).contains("trouble\n");
        assertThat(outcome.out()).endsWith("-cloud-amd64\n1\na\r\n\0b");
        assertThat(outcome.status()).isEqualTo(7);
    }

    @Test
    void twoProcessorsAreTwoInTheGuest() {
        OuterGuest.Outcome outcome = outcomes.get("2-two-processors");
        assertThat(outcome).extracting(OuterGuest.Outcome::out, OuterGuest.Outcome::status).as(outcome.err())
                .containsExactly("2\n2\n", 0);
    }

    @Test
    void anInteractiveShellDoesWhatIsTypedAndPowersOff() {
        OuterGuest.Outcome outcome = outcomes.get("3-shell");
        assertThat(outcome.err()).startsWith("vz: backend kvm (KVM API 12 through /dev/kvm)");
        assertThat(outcome.out()).contains("\r\nin-42\r\n").contains("/dev/ttyS0\r\n");
        assertThat(outcome.status()).isZero();
    }

    @Test
    void aKernelThatPanicsIsAFailureOfOneLine() {
        OuterGuest.Outcome outcome = outcomes.get("4-panic");
        assertThat(outcome.err().lines()).last().asString()
                .startsWith("vz: the guest's kernel gave up: Kernel panic - not syncing: ");
        assertThat(outcome.status()).isEqualTo(1);
    }

    @Test
    void aGuestThatTakesTooLongIsEnded() {
        OuterGuest.Outcome outcome = outcomes.get("5-timeout");
        assertThat(outcome.err().lines()).last().asString()
                .startsWith("vz: the guest did not end within 12.0 s (--timeout)");
        assertThat(outcome.status()).isEqualTo(1);
        assertThat(outcome.took()).isLessThan(Duration.ofSeconds(200));
    }

    @Test
    void disksOverPciAndMmioKeepWhatIsWritten() {
        OuterGuest.Outcome outcome = outcomes.get("7-disks");
        assertThat(outcome.out()).as(outcome.err()).isEqualTo("16\nA status 0\non the disk");
    }

    @Test
    void aNetworkOfTheGuestsOwnASharedFolderAndSocketsWorkOnKvmToo() {
        OuterGuest.Outcome outcome = outcomes.get("8-net-and-folder");
        List<String> lines = outcome.out().lines().toList();
        assertThat(lines).as(outcome.err()).hasSize(7).startsWith("inet 10.0.2.15", "from the host", "answered")
                .endsWith("1", "status 0", lines.get(3));
    }

    @Test
    void whatCannotBeBootedIsSaidInOneLineEach() {
        OuterGuest.Outcome outcome = outcomes.get("6-bad-input");
        assertThat(outcome.out()).isEqualTo("status 1\n".repeat(4));
        assertThat(outcome.err().lines().toList()).hasSize(4).allMatch(line -> line.startsWith("vz: "))
                .satisfiesExactly(line -> assertThat(line).contains("/init"),
                        line -> assertThat(line).contains("/no/kernel").contains("no such file"),
                        line -> assertThat(line).contains("/java/lib/modules").contains("memory"),
                        line -> assertThat(line).contains("command line"));
    }
}
