package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.NativeStrings;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.sockaddr_un;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Where a Unix socket listens: a file, or a name in the abstract namespace, which vanishes with its last socket.
 *
 * @param name       the file's path, or the abstract name
 * @param isAbstract which of the two
 */
public record UnixAddress(String name, boolean isAbstract) {

    /** Bytes of a path with its terminator, or of an abstract name with its leading zero: {@code sun_path}. */
    private static final int MAXIMUM = 108;

    /** Checks the length. */
    public UnixAddress {
        if (!isAbstract && name.indexOf('\0') >= 0) {
            throw new ConfigurationException("A Unix socket's path cannot contain a zero byte");
        }
        int length = bytes(name, isAbstract).length;
        if (length == 0 || length > MAXIMUM - 1) {
            throw new ConfigurationException("A Unix socket's " + (isAbstract ? "abstract name" : "path") + " has 1 to "
                    + (MAXIMUM - 1) + " bytes, but \"" + name + "\" has " + length + "; use a shorter folder");
        }
    }

    /** The socket file {@code path}. */
    public static UnixAddress of(Path path) {
        return new UnixAddress(path.toString(), false);
    }

    /** {@code name} in the abstract namespace. */
    public static UnixAddress inAbstract(String name) {
        return new UnixAddress(name, true);
    }

    /** Writes the address to the thread's scratch space. */
    MemorySegment toScratch() {
        byte[] bytes = bytes(name, isAbstract);
        MemorySegment scratch = CallState.current().scratch();
        MemorySegment address = scratch.asSlice(0, sockaddr_un.sizeof());
        address.fill((byte) 0);
        sockaddr_un.sun_family(address, (short) LinuxHeaders.AF_UNIX());
        long start = sockaddr_un.sun_path$offset() + (isAbstract ? 1 : 0);
        MemorySegment.copy(bytes, 0, address, ValueLayout.JAVA_BYTE, start, bytes.length);
        return address;
    }

    /** How many bytes of the structure count: an abstract name has no terminator, so its length says where it ends. */
    int length() {
        return (int) sockaddr_un.sun_path$offset() + 1 + bytes(name, isAbstract).length;
    }

    private static byte[] bytes(String name, boolean isAbstract) {
        return name.getBytes(isAbstract ? StandardCharsets.UTF_8 : NativeStrings.FILE_NAMES);
    }

    @Override
    public String toString() {
        return isAbstract ? "@" + name : name;
    }
}
