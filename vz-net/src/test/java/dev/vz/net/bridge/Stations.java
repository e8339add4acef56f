package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.MacAddress;
import dev.vz.net.time.ManualClock;
import java.util.ArrayList;
import java.util.List;

/** A switch in virtual time, with stations that keep what they get. */
final class Stations implements AutoCloseable {

    static final long ALL = MacAddress.BROADCAST.value();

    final ManualClock clock = new ManualClock();
    final VirtualSwitch network;
    final List<SwitchPort> ports = new ArrayList<>();
    private final List<LinkPair> cables = new ArrayList<>();
    private final List<Collector> collectors = new ArrayList<>();

    Stations(SwitchSettings settings) {
        network = new VirtualSwitch("net", settings, clock);
    }

    static Stations standard(int count) {
        var stations = new Stations(SwitchSettings.standard());
        for (int i = 0; i < count; i++) {
            stations.add(PortSettings.standard());
        }
        return stations;
    }

    int add(PortSettings settings) {
        return add(settings, LinkFeatures.all());
    }

    int add(PortSettings settings, LinkFeatures features) {
        var cable = new LinkPair("station" + cables.size(), features);
        cables.add(cable);
        collectors.add(Collector.on(cable.b()));
        ports.add(network.add(cable.a(), settings));
        return cables.size() - 1;
    }

    LinkPair cable(int station) {
        return cables.get(station);
    }

    /** The address of the station. */
    static long mac(int station) {
        return 0x5254_0000_0000L + station + 1;
    }

    void send(int from, byte[]... frames) {
        send(from, Frames.batch(frames));
    }

    void send(int from, FrameBatch batch) {
        cables.get(from).b().send(batch);
    }

    /** A frame from the station of that number, with its own address as source. */
    static byte[] frame(int from, long to, int... payload) {
        byte[] bytes = new byte[46];
        for (int i = 0; i < payload.length; i++) {
            bytes[i] = (byte) payload[i];
        }
        return Frames.ethernet(to, mac(from), Frames.LOCAL_TYPE, bytes);
    }

    /** What the station got since the last time. */
    List<byte[]> got(int station) {
        return collectors.get(station).take();
    }

    /** How many frames each station got since the last time. */
    List<Integer> counts() {
        return collectors.stream().map(collector -> collector.take().size()).toList();
    }

    PortStatistics statistics(int station) {
        return ports.get(station).statistics();
    }

    @Override
    public void close() {
        network.close();
    }
}
