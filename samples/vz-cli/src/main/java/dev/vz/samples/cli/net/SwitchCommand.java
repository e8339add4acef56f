package dev.vz.samples.cli.net;

import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.TapDevice.Offload;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.SwitchLoop;
import dev.vz.net.bridge.SwitchPort;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.capture.CaptureWriter;
import dev.vz.net.capture.CapturingPort;
import dev.vz.net.port.DatagramPort;
import dev.vz.net.port.StreamPort;
import dev.vz.net.port.StreamPortListener;
import dev.vz.net.port.TapPort;
import dev.vz.net.port.VxlanEndpoint;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vz switch}: an Ethernet switch over TAPs and sockets, until it is told to stop. */
@Command(name = "switch", mixinStandardHelpOptions = true, sortOptions = false, header = "Connects TAPs and sockets like an Ethernet switch.", description = {
    "", "Runs until its standard input says quit, --for has passed, or a signal ends it. It also answers",
    "ports and stations on its standard input.",
    ""}, footerHeading = "%n@|bold A port:|@ KIND=WHERE[,SETTING]…%n", footer = {
        "  tap=IF               a TAP interface, made if there is none, and switched on",
        "  macvtap=IF           a macvtap interface that exists, switched on; guests use its address",
        "  listen=PATH          a unix socket: every connection becomes a port (qemu -netdev stream)",
        "  connect=PATH         a connection to such a socket",
        "  dgram=LOCAL:REMOTE   a pair of unix datagram sockets (qemu -netdev dgram)",
        "  vxlan=VNI/LOCAL/REMOTE[/PORT]  a tunnel between two addresses (port 4789; mtu 1450 unless it says otherwise)",
        "  vlan=N, trunk=all, trunk=10/20, trunk=1:10/20 (1 without a tag), isolated, group=N, mirror,",
        "  guest (no DHCP server, router, bridge or storm behind it), mac=A, ip=A (guards; several),",
        "  storm=FRAMES-PER-SECOND, receive-rate=BITS-PER-SECOND, send-rate=BITS-PER-SECOND, mtu=BYTES", "",
        "@|bold Example:|@",
        "  vz switch --port tap=tap0 --port listen=/run/guests,guest,isolated --capture all.pcapng"})
public final class SwitchCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--port", required = true, paramLabel = "PORT", converter = PortWords.Converter.class, description = "A port; see below. Several.")
    private List<PortWords> ports = new ArrayList<>();

    @Option(names = "--stp", description = "Take part in the spanning tree protocol.")
    private boolean spanningTree;

    @Option(names = "--address", paramLabel = "MAC", defaultValue = "02:56:5a:00:00:01", description = "The switch's own address, for the spanning tree (default: ${DEFAULT-VALUE}).")
    private String address = "";

    @Option(names = "--snoop", description = "Send multicasts only where somebody wants them.")
    private boolean snoop;

    @Option(names = "--ageing", paramLabel = "SECONDS", defaultValue = "300", description = "Forget silent stations after this time (default: ${DEFAULT-VALUE}).")
    private int ageing;

    @Option(names = "--capture", paramLabel = "FILE", description = "Record all ports in a pcapng file.")
    private @Nullable Path capture;

    @Option(names = "--for", paramLabel = "SECONDS", defaultValue = "0", description = "Stop after this time; 0: do not.")
    private int seconds;

    private final ArrayDeque<AutoCloseable> open = new ArrayDeque<>();
    private final Map<String, VxlanEndpoint> endpoints = new HashMap<>();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private @Nullable CaptureWriter writer;

    @Override
    public Integer call() throws Exception {
        SwitchSettings settings = SwitchSettings.standard().withAgeing(Duration.ofSeconds(ageing))
                .withMulticastSnooping(snoop);
        if (spanningTree) {
            settings = settings.withSpanningTree(MacAddress.parse(address), 32768);
        }
        try {
            var loop = new EpollLoop("switch");
            open.push(loop);
            var network = new VirtualSwitch("switch", settings);
            open.push(network);
            if (capture != null) {
                writer = CaptureWriter.create(capture);
                open.push(writer);
            }
            for (PortWords words : ports) {
                connect(network, words, loop);
            }
            open.push(new SwitchLoop(network, loop));
            loop.start();
            PrintWriter out = spec.commandLine().getOut();
            out.println("switching " + ports.size() + " ports");
            out.flush();
            // When a signal ends the JVM, sockets' files and the capture's last frames must not be left behind.
            var end = new Thread(this::closeAll, "end of switch");
            Runtime.getRuntime().addShutdownHook(end);
            Thread.ofPlatform().daemon().name("standard input").start(() -> converse(network, out));
            if (seconds > 0) {
                stopped.await(seconds, TimeUnit.SECONDS);
            } else {
                stopped.await();
            }
            Runtime.getRuntime().removeShutdownHook(end);
            return 0;
        } finally {
            closeAll();
        }
    }

    private synchronized void closeAll() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception failure) {
                spec.commandLine().getErr().println("vz: " + failure.getMessage());
            }
        }
    }

    private void connect(VirtualSwitch network, PortWords words, EpollLoop loop) {
        switch (words.kind()) {
            case TAP, MACVTAP -> {
                TapPort tap = words.kind() == PortWords.Kind.TAP
                        ? TapPort.open(words.where(), EnumSet.allOf(Offload.class), loop)
                        : TapPort.openMacvtap(words.where(), loop);
                add(network, tap, words);
                try (var card = NetworkInterface.of(tap.name())) {
                    card.setUp(true);
                }
            }
            case CONNECT -> add(network,
                    StreamPort.connect(UnixAddress.of(Path.of(words.where())), words.mtu(), loop), words);
            case DGRAM -> {
                String[] ends = words.where().split(":", 2);
                add(network, DatagramPort.connect(UnixAddress.of(Path.of(ends[0])),
                        UnixAddress.of(Path.of(ends.length < 2 ? "" : ends[1])), words.mtu(), loop), words);
            }
            case VXLAN -> {
                PortWords.Tunnel tunnel = words.tunnel();
                VxlanEndpoint endpoint = endpoints.computeIfAbsent(
                        tunnel.local().getHostAddress() + " " + tunnel.port(),
                        where -> {
                            var opened = VxlanEndpoint.open(tunnel.local(), tunnel.port(), words.mtu(), loop);
                            open.push(opened);
                            return opened;
                        });
                add(network, endpoint.tunnel(tunnel.vni(), tunnel.remote(), tunnel.port()), words);
            }
            case LISTEN -> open.push(new StreamPortListener(UnixAddress.of(Path.of(words.where())), words.mtu(), loop,
                    port -> add(network, port, words)));
        }
    }

    private void add(VirtualSwitch network, LinkPort link, PortWords words) {
        LinkPort recorded = writer == null ? link : new CapturingPort(link, writer);
        SwitchPort port = network.add(recorded, words.settings());
        if (words.kind() == PortWords.Kind.LISTEN) {
            // A guest that hangs up takes its port with it.
            port.closeWhenDown();
        }
        if (words.mirror()) {
            network.ports().stream().filter(other -> other != port)
                    .forEach(other -> network.mirror(other, true, true, port));
        }
    }

    private void converse(VirtualSwitch network, PrintWriter out) {
        try (var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                switch (line.strip()) {
                    case "quit" -> {
                        stopped.countDown();
                        return;
                    }
                    case "ports" -> network.ports().forEach(port -> out.println(port + ": " + port.statistics()));
                    case "stations" -> network.stations().forEach(station -> out.println("vlan " + station.vlan() + " "
                            + station.address() + " port " + station.port()
                            + (station.isStatic() ? " static" : " " + station.ageNanos() / 1_000_000_000L + " s")));
                    case "" -> {
                        // Nothing was asked.
                    }
                    default -> out.println("known words: ports, stations, quit");
                }
                out.flush();
            }
        } catch (IOException failure) {
            out.println("standard input failed: " + failure.getMessage());
        }
    }
}
