package dev.vz.linux.network;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.call.CallState;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/**
 * One queue of a TAP interface: what is written to its descriptor arrives at the host's network as an Ethernet frame, and
 * what the host sends can be read from it, one frame a call.
 *
 * <p>
 * The interface vanishes with its last queue, unless it is persistent. Any thread may call.
 */
public final class TapDevice implements AutoCloseable {

    /** What the reader and writer of a TAP can take off the kernel: the TUN_F flags of linux/if_tun.h. */
    public enum Offload {
        /** Frames may come with an unfinished checksum. */
        CHECKSUM,
        /** TCP over IPv4 may come in segments larger than the MTU; needs {@link #CHECKSUM}. */
        TCP4_SEGMENTATION,
        /** TCP over IPv6 may come in segments larger than the MTU; needs {@link #CHECKSUM}. */
        TCP6_SEGMENTATION,
        /** Segmented TCP may carry ECN; needs TCP segmentation. */
        TCP_ECN,
        /** UDP of both versions may come as one frame of many datagrams; needs {@link #CHECKSUM} and Linux 6.2. */
        UDP_SEGMENTATION;

        /** {@code TUN_F_USO4} and {@code TUN_F_USO6}, younger than the headers that the bindings are made of. */
        private static final int USO = 0x20 | 0x40;

        // Looked up when used: the bindings need native access.
        private int bit() {
            return switch (this) {
                case CHECKSUM -> LinuxHeaders.TUN_F_CSUM();
                case TCP4_SEGMENTATION -> LinuxHeaders.TUN_F_TSO4();
                case TCP6_SEGMENTATION -> LinuxHeaders.TUN_F_TSO6();
                case TCP_ECN -> LinuxHeaders.TUN_F_TSO_ECN();
                case UDP_SEGMENTATION -> USO;
            };
        }
    }

    private static final Path DEVICE = Path.of("/dev/net/tun");

    private final FileDescriptor descriptor;
    private final String name;
    private final int headerSize;

    private TapDevice(FileDescriptor descriptor, String name, int headerSize) {
        this.descriptor = descriptor;
        this.name = name;
        this.headerSize = headerSize;
    }

    /**
     * Makes a TAP interface, or attaches to one that exists and is persistent or has several queues.
     *
     * @param name          its name; one with {@code %d}, such as {@code "vz%d"}, gets the first number that is free
     * @param headerSize    bytes of {@code virtio_net_hdr} before every frame: 0 for none, 10, or 12 for
     *                      {@code virtio_net_hdr_v1}, little-endian
     * @param severalQueues whether further queues can be attached by opening it again
     * @throws HostException {@code EPERM} without CAP_NET_ADMIN, {@code EBUSY} if it is in use
     */
    public static TapDevice open(String name, int headerSize, boolean severalQueues) {
        checkHeaderSize(headerSize);
        FileDescriptor descriptor = FileDescriptor.open(DEVICE, OpenFlag.READ_WRITE, OpenFlag.NONBLOCK);
        try {
            return configure(descriptor, name, headerSize, severalQueues);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    /**
     * Opens a queue of a macvtap interface, which exists already: what is written to it arrives at the network of the
     * interface below, and what comes from there for the macvtap's address can be read. Each call opens a further queue.
     *
     * @param name       the interface's, in the network namespace of the calling thread
     * @param headerSize as for {@link #open}
     * @throws HostException {@code ENODEV} if there is no such interface, {@code ENOENT} if it is no macvtap or its file
     *                       {@code /dev/tapN}, with N the interface's number, is missing here
     */
    public static TapDevice openMacvtap(String name, int headerSize) {
        checkHeaderSize(headerSize);
        Path file;
        try (var itself = NetworkInterface.of(name)) {
            file = Path.of("/dev/tap" + itself.index());
        }
        FileDescriptor descriptor = FileDescriptor.open(file, OpenFlag.READ_WRITE, OpenFlag.NONBLOCK);
        try {
            // Interfaces of two namespaces may have one number, and the file is one of theirs.
            MemorySegment request = InterfaceRequest.about(name);
            Ioctl.checked("TUNGETIFF", descriptor, LinuxHeaders.TUNGETIFF(), request);
            String actual = InterfaceRequest.name(request);
            if (!actual.equals(name)) {
                throw new HostException("opening a macvtap", "interface " + name, Errno.ENODEV, "ENODEV", file
                        + " belongs to " + actual + " in another network namespace; make " + name
                        + " anew, so that it gets another number");
            }
            return configure(descriptor, name, headerSize, true);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    private static void checkHeaderSize(int headerSize) {
        if (headerSize != 0 && headerSize != 10 && headerSize != 12) {
            throw new ConfigurationException("The header before a frame of a TAP has 0, 10 or 12 bytes, not "
                    + headerSize);
        }
    }

    private static TapDevice configure(FileDescriptor descriptor, String name, int headerSize, boolean severalQueues) {
        MemorySegment request = InterfaceRequest.about(name);
        int flags = LinuxHeaders.IFF_TAP() | LinuxHeaders.IFF_NO_PI()
                | (headerSize > 0 ? LinuxHeaders.IFF_VNET_HDR() : 0)
                | (severalQueues ? LinuxHeaders.IFF_MULTI_QUEUE() : 0);
        request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE, (short) flags);
        int result = Ioctl.call(descriptor, LinuxHeaders.TUNSETIFF(), request);
        if (result == -Errno.EPERM) {
            throw new HostException("TUNSETIFF", "interface " + name, Errno.EPERM, "EPERM",
                    "it takes CAP_NET_ADMIN: run as root, or have root make it for this user"
                            + " (ip tuntap add mode tap user ...)");
        }
        if (result < 0) {
            throw Errno.failure("TUNSETIFF", "interface " + name, result);
        }
        var tap = new TapDevice(descriptor, InterfaceRequest.name(request), headerSize);
        if (headerSize > 0) {
            tap.set("TUNSETVNETHDRSZ", LinuxHeaders.TUNSETVNETHDRSZ(), headerSize);
            tap.set("TUNSETVNETLE", LinuxHeaders.TUNSETVNETLE(), 1);
        }
        return tap;
    }

    /** The descriptor, non-blocking, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** The interface's name. */
    public String name() {
        return name;
    }

    /** Bytes of {@code virtio_net_hdr} before every frame, in both directions. */
    public int headerSize() {
        return headerSize;
    }

    /**
     * Says what this side can deal with when it reads; needs a header.
     *
     * @throws HostException {@code EINVAL} if the kernel cannot do it in this combination
     */
    public void setOffloads(Set<Offload> offloads) {
        int bits = 0;
        for (Offload offload : offloads) {
            bits |= offload.bit();
        }
        int result = Ioctl.call(descriptor, LinuxHeaders.TUNSETOFFLOAD(), bits);
        if (result < 0) {
            throw Errno.failure("TUNSETOFFLOAD " + EnumSet.copyOf(offloads), this, result);
        }
    }

    /** Whether the interface stays when its last queue is closed. */
    public void setPersistent(boolean persistent) {
        Errno.check("TUNSETPERSIST", this,
                Ioctl.call(descriptor, LinuxHeaders.TUNSETPERSIST(), persistent ? 1 : 0));
    }

    /** Attaches this queue to the interface again, or detaches it: the host then sends it nothing. */
    public void setAttached(boolean attached) {
        MemorySegment request = InterfaceRequest.about("");
        request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE,
                (short) (attached ? LinuxHeaders.IFF_ATTACH_QUEUE() : LinuxHeaders.IFF_DETACH_QUEUE()));
        Ioctl.checked("TUNSETQUEUE", descriptor, LinuxHeaders.TUNSETQUEUE(), request);
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return "TAP " + name + " on " + descriptor;
    }

    private void set(String request, long number, int value) {
        MemorySegment argument = CallState.current().scratch();
        argument.set(ValueLayout.JAVA_INT, 0, value);
        Ioctl.checked(request, descriptor, number, argument);
    }
}
