package dev.vz.linux.network;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An interface of the network namespace in which this object was made: netdevice(7). Any thread may call.
 */
public final class NetworkInterface implements AutoCloseable {

    private final String name;
    // An ioctl on an interface needs a socket, any socket: it says which namespace is meant.
    private final FileDescriptor socket;

    private NetworkInterface(String name, FileDescriptor socket) {
        this.name = name;
        this.socket = socket;
    }

    /**
     * The interface {@code name}, in the network namespace of the calling thread.
     *
     * @throws dev.vz.error.HostException {@code ENODEV} if there is none
     */
    public static NetworkInterface of(String name) {
        NativeAccess.require();
        int result = SocketCalls.socket(LinuxHeaders.AF_UNIX(), LinuxHeaders.SOCK_DGRAM() | LinuxHeaders.SOCK_CLOEXEC(),
                0);
        FileDescriptor socket = FileDescriptor.adopt(Errno.check("socket", name, result), "interface " + name);
        try {
            var found = new NetworkInterface(name, socket);
            found.index();
            return found;
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    /** Its name. */
    public String name() {
        return name;
    }

    /** Its number. */
    public int index() {
        return ask("SIOCGIFINDEX", LinuxHeaders.SIOCGIFINDEX()).get(ValueLayout.JAVA_INT, InterfaceRequest.VALUE);
    }

    /** Whether it is switched on. */
    public boolean isUp() {
        return (flags() & LinuxHeaders.IFF_UP()) != 0;
    }

    /** Switches it on or off. */
    public void setUp(boolean up) {
        int flags = up ? flags() | LinuxHeaders.IFF_UP() : flags() & ~LinuxHeaders.IFF_UP();
        MemorySegment request = InterfaceRequest.about(name);
        request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE, (short) flags);
        tell("SIOCSIFFLAGS", LinuxHeaders.SIOCSIFFLAGS(), request);
    }

    /** The largest payload of a frame in bytes. */
    public int mtu() {
        return ask("SIOCGIFMTU", LinuxHeaders.SIOCGIFMTU()).get(ValueLayout.JAVA_INT, InterfaceRequest.VALUE);
    }

    /** Sets the largest payload of a frame in bytes. */
    public void setMtu(int mtu) {
        MemorySegment request = InterfaceRequest.about(name);
        request.set(ValueLayout.JAVA_INT, InterfaceRequest.VALUE, mtu);
        tell("SIOCSIFMTU", LinuxHeaders.SIOCSIFMTU(), request);
    }

    /** Its Ethernet address, six bytes. */
    public byte[] hardwareAddress() {
        return ask("SIOCGIFHWADDR", LinuxHeaders.SIOCGIFHWADDR())
                .asSlice(InterfaceRequest.HARDWARE_ADDRESS, InterfaceRequest.HARDWARE_ADDRESS_LENGTH)
                .toArray(ValueLayout.JAVA_BYTE);
    }

    /** Sets its Ethernet address, six bytes. */
    public void setHardwareAddress(byte[] address) {
        if (address.length != InterfaceRequest.HARDWARE_ADDRESS_LENGTH) {
            throw new ConfigurationException("An Ethernet address has 6 bytes, not " + address.length);
        }
        // The family that the kernel has for the interface stands before the address, and has to be right.
        short family = ask("SIOCGIFHWADDR", LinuxHeaders.SIOCGIFHWADDR()).get(ValueLayout.JAVA_SHORT,
                InterfaceRequest.VALUE);
        MemorySegment request = InterfaceRequest.about(name);
        request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE, family);
        MemorySegment.copy(address, 0, request, ValueLayout.JAVA_BYTE, InterfaceRequest.HARDWARE_ADDRESS,
                address.length);
        tell("SIOCSIFHWADDR", LinuxHeaders.SIOCSIFHWADDR(), request);
    }

    /** Ends the use of the interface, which stays as it is. */
    @Override
    public void close() {
        socket.close();
    }

    @Override
    public String toString() {
        return "interface " + name;
    }

    private int flags() {
        return ask("SIOCGIFFLAGS", LinuxHeaders.SIOCGIFFLAGS()).get(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE);
    }

    private MemorySegment ask(String request, long number) {
        MemorySegment argument = InterfaceRequest.about(name);
        tell(request, number, argument);
        return argument;
    }

    private void tell(String request, long number, MemorySegment argument) {
        Errno.check(request, this, Ioctl.call(socket, number, argument));
    }
}
