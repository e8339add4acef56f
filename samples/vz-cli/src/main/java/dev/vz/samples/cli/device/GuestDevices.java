package dev.vz.samples.cli.device;

import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.MemoryDescription;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.memory.MemoryRequest;
import dev.vz.net.MacAddress;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.network.KernelPlane;
import dev.vz.net.network.NetworkStore;
import dev.vz.net.port.StreamPort;
import dev.vz.net.port.TapPort;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.FileGate;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.vhost.VhostUserDevice;
import dev.vz.virtio.vsock.UnixBridge;
import dev.vz.virtio.vsock.VsockDevice;
import dev.vz.samples.cli.net.NetworkFolder;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The devices that a guest of {@code vz} has beside those of every PC: what is described here, and a source of randomness.
 *
 * @param disks  in the order in which the guest finds them
 * @param nets   network cards, in the order in which the guest finds them
 * @param shares folders of the host's
 * @param vsock  streams to and from the host's Unix sockets; {@code null} for none
 */
public record GuestDevices(List<DiskOption> disks, List<NetOption> nets, List<ShareOption> shares,
        @Nullable VsockOption vsock) {

    /** Nothing but randomness. */
    public static final GuestDevices NONE = new GuestDevices(List.of(), List.of(), List.of(), null);

    /** Enough to keep a disk of the host busy; each waits for one request. */
    private static final int THREADS = 8;
    /** Bytes of a frame behind its Ethernet header, as switches have it. */
    private static final int MTU = 1500;
    /** Of the first card; the others count on from here. */
    private static final MacAddress FIRST_ADDRESS = MacAddress.parse("52:54:00:12:34:56");

    /** Keeps copies. */
    public GuestDevices {
        disks = List.copyOf(disks);
        nets = List.copyOf(nets);
        shares = List.copyOf(shares);
    }

    /** These with other disks. */
    public GuestDevices withDisks(List<DiskOption> others) {
        return new GuestDevices(others, nets, shares, vsock);
    }

    /** These with other network cards. */
    public GuestDevices withNets(List<NetOption> others) {
        return new GuestDevices(disks, others, shares, vsock);
    }

    /** These with other folders. */
    public GuestDevices withShares(List<ShareOption> others) {
        return new GuestDevices(disks, nets, others, vsock);
    }

    /** These with other streams. */
    public GuestDevices withVsock(@Nullable VsockOption other) {
        return new GuestDevices(disks, nets, shares, other);
    }

    /**
     * Attaches them. They are closed with the machine.
     *
     * @throws dev.vz.error.VzException if an image, a folder, an interface or a socket cannot be opened; what was opened is
     *                                  closed with the machine
     */
    public void attach(BuiltMachine machine) {
        if (!disks.isEmpty()) {
            // What the host has in its cache, or takes into it, is read and written at once: handing it over takes longer.
            IoEngine engine = machine.owns(IoEngine.callersFirst(THREADS));
            disks.forEach(disk -> attach(machine, disk, engine));
        }
        for (int i = 0; i < nets.size(); i++) {
            attach(machine, nets.get(i), i);
        }
        shares.forEach(share -> attach(machine, share));
        if (vsock != null) {
            attach(machine, vsock);
        }
        attach(machine, new EntropyDevice(new SecureRandom()), VirtioTransport.PCI, true);
    }

    private static void attach(BuiltMachine machine, DiskOption disk, IoEngine engine) {
        VirtioDevice<?> frontend = switch (disk.source()) {
            case DiskOption.Image image -> open(image, disk.queues(), engine);
            case DiskOption.BackEnd other -> VhostUserDevice.block(UnixAddress.of(other.socket()), machine.memory(),
                    disk.queues());
        };
        attach(machine, frontend, disk.transport(), disk.packed());
    }

    private static BlockFrontend open(DiskOption.Image source, int queues, IoEngine engine) {
        // An image may name a backing file; one that lies elsewhere than beside it is not for it to choose.
        Path folder = Objects.requireNonNull(source.file().toAbsolutePath().getParent());
        var options = OpenOptions.DEFAULT.withReadOnly(source.readOnly()).withCacheMode(source.cache())
                .withGate(FileGate.within(folder)).withEngine(engine);
        var image = DiskImage.open(source.file(), source.format(), options);
        try {
            return new BlockFrontend(image, source.serial(), queues);
        } catch (RuntimeException failure) {
            image.close();
            throw failure;
        }
    }

    private static void attach(BuiltMachine machine, NetOption net, int number) {
        MacAddress mac = net.mac();
        if (mac == null) {
            // Alone on its network every guest may have the same address; on one with others it must not.
            int last = net.peer() instanceof NetOption.User ? number : new SecureRandom().nextInt(1 << 24);
            mac = new MacAddress((FIRST_ADDRESS.value() & -1L << 24) | (FIRST_ADDRESS.value() + last & 0xFF_FFFF));
        }
        byte[] address = mac.bytes();
        VirtioDevice<?> card = switch (net.peer()) {
            case NetOption.User user -> new NetworkCard(machine.owns(new UserNetwork(user.loopback())).port(), address);
            case NetOption.Tap tap -> new NetworkCard(started(machine, "tap", loop -> TapPort.open(tap.name(), loop)),
                    address);
            case NetOption.Network network -> new NetworkCard(
                    started(machine, "network", loop -> bridged(network.name(), loop)), address);
            case NetOption.Switch other -> new NetworkCard(started(machine, "switch",
                    loop -> StreamPort.connect(UnixAddress.of(other.socket()), MTU, loop)), address);
            case NetOption.BackEnd other -> VhostUserDevice.card(UnixAddress.of(other.socket()), machine.memory(),
                    address);
        };
        attach(machine, card, net.transport(), net.packed());
    }

    /** A TAP of the guest's own at the bridge of a network. */
    private static TapPort bridged(String network, EpollLoop loop) {
        NetworkDefinition definition = new NetworkStore(NetworkFolder.standard()).require(network);
        TapPort tap = TapPort.open("vz%d", loop);
        try {
            new KernelPlane().connect(definition, tap.name());
            return tap;
        } catch (RuntimeException failure) {
            tap.close();
            throw failure;
        }
    }

    private static LinkPort started(BuiltMachine machine, String name, Function<EpollLoop, LinkPort> open) {
        var loop = machine.owns(new EpollLoop("vz-" + name));
        LinkPort port = machine.owns(open.apply(loop));
        loop.start();
        return port;
    }

    private static void attach(BuiltMachine machine, ShareOption share) {
        VirtioDevice<?> device = switch (share.source()) {
            case ShareOption.Folder folder -> new FileSystemDevice(share.tag(),
                    SharedFolder.of(folder.path(), folder.readOnly()));
            case ShareOption.BackEnd other -> VhostUserDevice.folder(UnixAddress.of(other.socket()), machine.memory(),
                    share.tag());
        };
        attach(machine, device, share.transport(), share.packed());
    }

    private static void attach(BuiltMachine machine, VsockOption option) {
        var device = new VsockDevice(option.cid());
        attach(machine, device, option.transport(), option.packed());
        UnixBridge bridge = machine.owns(new UnixBridge(device, option.socket()));
        option.forward().forEach(bridge::forward);
    }

    private static void attach(BuiltMachine machine, VirtioDevice<?> device, VirtioTransport transport,
            boolean packed) {
        // A disk hands over what it would have to wait for.
        WorkerLoop loop = machine.owns(device instanceof BlockFrontend ? WorkerLoop.eager("vz-" + device.name())
                : WorkerLoop.started("vz-" + device.name()));
        var host = new DeviceHost(device, machine.memory(), queue -> loop,
                packed ? 0 : 1L << QueueFeatures.RING_PACKED);
        switch (transport) {
            case PCI -> VirtioSlots.overPci(machine, host);
            case MMIO -> VirtioSlots.overMmio(machine, host);
        }
    }

    /** The memory of a machine for them: {@code size} bytes, which other processes can map if one of them works for it. */
    public MemoryDescription memory(long size) {
        MemoryDescription own = MemoryDescription.of(size);
        boolean shared = disks.stream().anyMatch(disk -> disk.source() instanceof DiskOption.BackEnd)
                || nets.stream().anyMatch(net -> net.peer() instanceof NetOption.BackEnd)
                || shares.stream().anyMatch(share -> share.source() instanceof ShareOption.BackEnd);
        return !shared ? own
                : new MemoryDescription(size, own.allocation(), MemoryRequest.Backing.MEMFD, own.file(),
                        own.pageSize());
    }

    /** The kernel modules that drive them, without those that these depend on. */
    public Set<String> modules() {
        var names = new LinkedHashSet<>(List.of("virtio_pci", "virtio-rng"));
        if (transports().anyMatch(VirtioTransport.MMIO::equals)) {
            names.add("virtio_mmio");
        }
        if (!disks.isEmpty()) {
            names.add("virtio_blk");
        }
        if (!nets.isEmpty()) {
            names.add("virtio_net");
        }
        if (!shares.isEmpty()) {
            names.add("virtiofs");
        }
        if (vsock != null) {
            names.add("vmw_vsock_virtio_transport");
        }
        return names;
    }

    private Stream<VirtioTransport> transports() {
        return Stream.of(disks.stream().map(DiskOption::transport), nets.stream().map(NetOption::transport),
                shares.stream().map(ShareOption::transport), Stream.ofNullable(vsock).map(VsockOption::transport))
                .flatMap(each -> each);
    }

    /** What the kit's first process does with them before anything else runs. */
    public KitInitramfs.Setup setup() {
        // On a network of its own a guest finds a DHCP server for certain; other networks may lead anywhere.
        return new KitInitramfs.Setup(nets.stream().anyMatch(net -> net.peer() instanceof NetOption.User),
                shares.stream().map(ShareOption::tag).toList());
    }
}
