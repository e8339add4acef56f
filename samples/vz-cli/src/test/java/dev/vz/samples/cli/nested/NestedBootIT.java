package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.testing.Peers;
import java.nio.file.Path;
import java.time.Duration;
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

    private static final Duration LIMIT = Duration.ofMinutes(8);
    private static Map<String, OuterGuest.Outcome> outcomes;

    /**
     * A person at a pseudo-terminal: types into the guest, asks for help, ends it with the escape key; and a second time,
     * where vz is told to terminate instead. The terminal's settings are compared before and after.
     */
    private static final String TERMINAL = """
            cat >/tmp/at-terminal <<'END'
            stty rows 40 cols 100
            stty -a >/tmp/before
            vz boot --backend kvm --timeout 100
            echo "status $?"
            stty -a >/tmp/after
            END
            mkdir -p /dev/pts
            mount -t devpts devpts /dev/pts
            await() {
                for i in $(seq 300); do
                    grep -q "$1" /tmp/screen && return
                    sleep 0.2
                done
                echo "no $1 on the screen"
            }
            mkfifo /tmp/keys
            script -q -f -c 'sh /tmp/at-terminal' /tmp/screen </tmp/keys >/dev/null &
            exec 9>/tmp/keys
            await '/root #'
            printf 'stty size; echo $TERM; cat\\r' >&9
            sleep 1
            printf '\\003echo $((6*7))-after-interrupt\\r' >&9
            await '42-after-interrupt'
            printf '\\001h\\001x' >&9
            wait
            cat /tmp/screen
            cmp /tmp/before /tmp/after && echo "restored after escape"

            script -q -f -c 'sh /tmp/at-terminal' /tmp/screen </tmp/keys >/dev/null &
            await 'Ctrl-A X'
            sleep 2
            stty -a -F /dev/pts/0 >/tmp/raw
            cmp -s /tmp/before /tmp/raw || echo "raw meanwhile"
            kill -TERM $(pidof java)
            wait
            cmp /tmp/before /tmp/after && echo "restored after SIGTERM"
            tail -n 1 /tmp/screen
            """;

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
                .with("7-terminal", TERMINAL)
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
        assertThat(outcome.took()).isLessThan(Duration.ofSeconds(50));
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

    @Test
    void aTerminalIsRawWhileTheGuestRunsAndRestoredHoweverItEnds() {
        String seen = outcomes.get("7-terminal").out();
        assertThat(seen).contains("\r\n40 100\r\nvt100\r\n").as("Ctrl-C reaches the guest, not vz")
                .contains("42-after-interrupt").as("Ctrl-A H").contains(" X ends the guest")
                .contains("status 0\r\n", "restored after escape", "raw meanwhile", "restored after SIGTERM")
                .contains("status 143");
    }
}
