package dev.vz.guide;

// @start region="program"
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.SwitchLoop;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.capture.CaptureWriter;
import dev.vz.net.capture.CapturingPort;
import dev.vz.net.dhcp.DhcpConfiguration;
import dev.vz.net.dhcp.DhcpServer;
import dev.vz.net.dhcp.DhcpService;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import dev.vz.net.port.TapPort;
import java.nio.file.Path;
import java.time.InstantSource;

class GuestNetwork {
    static void main(String[] taps) throws InterruptedException { // one for each guest
        try (var loop = new EpollLoop("network");
                var capture = CaptureWriter.create(Path.of("guests.pcapng"));
                var uplink = new LinkPair("uplink", LinkFeatures.all());
                var network = new VirtualSwitch("guests", SwitchSettings.standard());
                var time = new SwitchLoop(network, loop)) {
            for (String tap : taps) { // guests see the gateway, but not each other
                var port = new CapturingPort(TapPort.open(tap, loop), capture);
                network.add(port, PortSettings.guest().withIsolation(true));
            }
            Runtime.getRuntime().addShutdownHook(new Thread(capture::close));
            network.add(uplink.a(), PortSettings.standard());
            loop.start();
            try (var gateway = new Gateway(loop, uplink.b(), GatewayConfiguration.standard())) {
                var range = DhcpConfiguration.of("10.0.2.2/24", "10.0.2.15", "10.0.2.99");
                new DhcpService(gateway, new DhcpServer(range, null, InstantSource.system()));
                Thread.currentThread().join(); // until the program is ended
            }
        }
    }
}
// @end
