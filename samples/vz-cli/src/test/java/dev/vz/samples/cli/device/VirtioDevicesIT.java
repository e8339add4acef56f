package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.SwitchLoop;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.port.StreamPortListener;
import dev.vz.virtio.balloon.BalloonDevice;
import dev.vz.virtio.balloon.GuestStatistics;
import dev.vz.virtio.console.ConsoleDevice;
import dev.vz.virtio.console.ConsolePort;
import dev.vz.virtio.net.NetworkCard;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Devices as Linux's own drivers use them: virtio_net, virtio_console, virtio_balloon. */
@Tag("guest")
@Timeout(600)
class VirtioDevicesIT {

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + KitGuest.LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    // -------------------------------------------------------------------------------------------------- network

    private static final String COMMON = """
            [ "$(cat /sys/class/net/eth0/address)" = 02:00:00:00:00:0$me ] || exit 1
            device=$(basename $(readlink -f /sys/class/net/eth0/device)); cd /sys/bus/virtio/drivers/virtio_net
            echo $device >unbind; [ ! -e /sys/class/net/eth0 ] || exit 2
            echo $device >bind; [ -e /sys/class/net/eth0 ] || exit 3
            ip addr add 10.0.0.$me/24 dev eth0 && ip link set eth0 up || exit 4
            # An input without end: busybox's nc hangs up when its own has ended.
            mkfifo /tmp/endless; exec 3<>/tmp/endless
            """;
    private static final String TAKER = "me=1\n" + COMMON + """
            nc -l -p 5000 <&3 >/tmp/f || exit 5
            echo took $(wc -c </tmp/f) $(sha256sum </tmp/f)
            until nc 10.0.0.2 5001 </dev/null; do usleep 100000; done
            """;
    private static final String GIVER = "me=2\n" + COMMON + """
            for i in $(seq 300); do ping -c 1 -W 1 10.0.0.1 >/dev/null && break; done
            ping -c 3 -s 1400 10.0.0.1 >/dev/null || exit 6
            dd if=/dev/urandom of=/tmp/f bs=64k count=128 2>/dev/null
            echo gave $(wc -c </tmp/f) $(sha256sum </tmp/f)
            until nc 10.0.0.1 5000 </tmp/f; do usleep 100000; done
            # Whatever is still on its way needs a guest that is there.
            nc -l -p 5001 <&3 >/dev/null || exit 8
            """;

    private static void awaitExchange(KitGuest taker, KitGuest giver) throws InterruptedException {
        giver.awaitEnd(0);
        taker.awaitEnd(0);
        assertThat(sum(taker.output(), "took")).isEqualTo(sum(giver.output(), "gave")).startsWith("8388608 ");
    }

    private static KitGuest guest(LinkPort port, int last, String script) {
        return KitGuest.start(1, Set.of("virtio_pci", "virtio_net"), machine -> VirtioSlots.overPci(machine,
                new NetworkCard(port, new byte[] {2, 0, 0, 0, 0, (byte) last})), script);
    }

    @Test
    void two_guests_talk_to_each_other_over_a_cable() throws Exception {
        try (var link = new LinkPair("cable", LinkFeatures.all());
                KitGuest taker = guest(link.a(), 1, TAKER);
                KitGuest giver = guest(link.b(), 2, GIVER)) {
            awaitExchange(taker, giver);
        }
    }

    private static KitGuest guest(Path socket, int last, String script) {
        return KitGuest.start(1, GuestDevices.NONE.withNets(List.of(NetOption.parse(
                "switch=" + socket + ",mac=02:00:00:00:00:0" + last + ",transport=mmio,packed=off"))), script);
    }

    @Test
    void two_guests_talk_to_each_other_through_a_switch_behind_a_socket(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("switch");
        try (var loop = new EpollLoop("switch"); var network = new VirtualSwitch("switch", SwitchSettings.standard());
                var listener = new StreamPortListener(UnixAddress.of(socket), 1500, loop,
                        port -> network.add(port, PortSettings.standard()));
                var driver = new SwitchLoop(network, loop)) {
            loop.start();
            try (KitGuest taker = guest(socket, 1, TAKER); KitGuest giver = guest(socket, 2, GIVER)) {
                awaitExchange(taker, giver);
            }
        }
    }

    @Test
    void a_guest_of_qemus_talks_to_ours_through_the_same_switch(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("switch");
        try (var loop = new EpollLoop("switch"); var network = new VirtualSwitch("switch", SwitchSettings.standard());
                var listener = new StreamPortListener(UnixAddress.of(socket), 1500, loop,
                        port -> network.add(port, PortSettings.standard()));
                var driver = new SwitchLoop(network, loop)) {
            loop.start();
            try (KitGuest taker = guest(socket, 1, TAKER);
                    QemuGuest giver = QemuGuest.start(folder, Set.of("virtio_pci", "virtio_net"), GIVER, "-netdev",
                            "stream,id=n,server=off,addr.type=unix,addr.path=" + socket, "-device",
                            "virtio-net-pci,netdev=n,mac=02:00:00:00:00:02")) {
                giver.awaitEnd(0);
                taker.awaitEnd(0);
                assertThat(sum(taker.output(), "took")).isEqualTo(sum(giver.output(), "gave"))
                        .startsWith("8388608 ");
            }
        }
    }

    private static String sum(String output, String word) {
        Matcher matcher = Pattern.compile(word + " (\\d+ [0-9a-f]{64})").matcher(output);
        assertThat(matcher.find()).as(output).isTrue();
        return matcher.group(1);
    }

    // -------------------------------------------------------------------------------------------------- console

    private static Supplier<String> heard(ConsolePort port) {
        var bytes = new ByteArrayOutputStream();
        port.onOutput((segment, offset, length) -> {
            var copy = new byte[(int) length];
            MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset, copy, 0, copy.length);
            synchronized (bytes) {
                bytes.writeBytes(copy);
            }
        });
        return () -> {
            synchronized (bytes) {
                return bytes.toString(StandardCharsets.US_ASCII);
            }
        };
    }

    @Test
    void a_terminal_and_a_named_port_carry_bytes_both_ways() throws Exception {
        var device = new ConsoleDevice("org.example.port");
        ConsolePort port = device.ports().get(1);
        Supplier<String> terminal = heard(device.console());
        Supplier<String> said = heard(port);
        try (KitGuest guest = KitGuest.start(1, Set.of("virtio_pci", "virtio_console"),
                machine -> VirtioSlots.overPci(machine, device), """
                        until [ -c /dev/vport0p1 ]; do usleep 20000; done
                        [ "$(cat /sys/class/virtio-ports/vport0p1/name)" = org.example.port ] || exit 1
                        # A terminal that nobody has open loses its settings and its size.
                        exec 4<>/dev/hvc0; stty raw -echo <&4; echo terminal
                        until [ "$(stty size <&4)" != '0 0' ]; do usleep 20000; done
                        until read -t 1 -r line <&4; do stty size <&4 >&4; done; echo "typed $line" >&4
                        exec 3<>/dev/vport0p1; echo open
                        head -c 100000 <&3 | sha256sum | cut -d' ' -f1 >&3
                        sleep 1
                        """)) {
            guest.await("terminal");
            device.console().resize(132, 43);
            await("the terminal's size", () -> terminal.get().contains("43 132"));
            byte[] line = "hello\n".getBytes(StandardCharsets.US_ASCII);
            assertThat(device.console().write(line, 0, line.length)).isEqualTo(line.length);
            await("an answer", () -> terminal.get().contains("typed hello"));
            guest.await("open");
            var data = new byte[100_000];
            new Random(7).nextBytes(data);
            for (int sent = 0; sent < data.length;) {
                int taken = port.write(data, sent, data.length - sent);
                sent += taken;
                if (taken == 0) {
                    Thread.sleep(5);
                }
            }
            String digest = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(data));
            await("the sum of " + data.length + " bytes", () -> said.get().contains(digest));
            guest.awaitEnd(0);
        }
    }

    // -------------------------------------------------------------------------------------------------- balloon

    @Test
    void a_balloon_takes_memory_and_gives_it_back_while_free_memory_is_watched() throws Exception {
        var holder = new BalloonDevice[1];
        try (KitGuest guest = KitGuest.start(1, Set.of("virtio_pci", "virtio_balloon"), machine -> {
            holder[0] = new BalloonDevice(machine.memory());
            VirtioSlots.overPci(machine, holder[0]);
        }, """
                free() { awk '/MemFree/ {print $2}' /proc/meminfo; }
                before=$(free); echo ready
                until [ $(free) -lt $((before - 100000)) ]; do usleep 50000; done; echo smaller
                until [ $(free) -gt $((before - 30000)) ]; do usleep 50000; done; echo larger
                cd /sys/bus/virtio/drivers/virtio_balloon; d=$(basename virtio[0-9]*)
                echo $d >unbind; [ ! -e $d ] || exit 1; echo $d >bind; [ -e $d ] || exit 2; echo again
                until [ $(free) -lt $((before - 40000)) ]; do usleep 50000; done; echo smaller again
                """)) {
            guest.await("ready");
            BalloonDevice balloon = holder[0];
            balloon.target(128L << 20);
            await("the balloon is inflated", () -> balloon.ballooned() == 128L << 20);
            guest.await("smaller");
            assertThat(balloon.reclaimedBytes()).isGreaterThanOrEqualTo(128L << 20);
            balloon.requestStatistics();
            await("statistics", () -> balloon.statistics().get(GuestStatistics.Tag.MEMFREE).isPresent());
            balloon.target(0);
            await("the balloon is deflated", () -> balloon.ballooned() == 0);
            guest.await("again");
            balloon.target(64L << 20);
            guest.awaitEnd(0);
        }
    }
}
