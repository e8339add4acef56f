package dev.vz.guide;

// @start region="program"
import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.SwitchLoop;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.net.capture.CaptureWriter;
import dev.vz.net.capture.CapturingPort;
import java.nio.file.Path;

class IsolatedGuests {
    static void connect(LinkPort first, LinkPort second, LinkPort uplink, Path capture, Runnable use) {
        try (var loop = new EpollLoop("network");
                var record = CaptureWriter.create(capture);
                var network = new VirtualSwitch("guests", SwitchSettings.standard());
                var timer = new SwitchLoop(network, loop)) {
            network.add(first, PortSettings.guest().withIsolation(true));
            network.add(second, PortSettings.guest().withIsolation(true));
            network.add(new CapturingPort(uplink, record), PortSettings.standard());
            loop.start();
            use.run();
        }
    }
}
// @end
