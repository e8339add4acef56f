package dev.vz.linux.network;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.call.CallState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * {@code struct ifreq} of netdevice(7), in the calling thread's scratch space: a name and a union of which only numbers and
 * a hardware address are needed here. LayoutsAgreeWithCTest compares it with the C structure.
 */
final class InterfaceRequest {

    static final long SIZE = 40;
    static final long VALUE = 16;
    static final long HARDWARE_ADDRESS = VALUE + 2;
    static final int HARDWARE_ADDRESS_LENGTH = 6;

    /** IFNAMSIZ without the terminator. */
    static final int MAXIMUM_NAME = 15;

    private InterfaceRequest() {}

    /** A request about the interface {@code name}, otherwise zero. */
    static MemorySegment about(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAXIMUM_NAME || name.indexOf('/') >= 0 || name.indexOf('\0') >= 0) {
            throw new ConfigurationException("The name of a network interface has at most " + MAXIMUM_NAME
                    + " bytes and no slash, got \"" + name + "\"");
        }
        MemorySegment request = CallState.current().scratch().asSlice(0, SIZE);
        request.fill((byte) 0);
        MemorySegment.copy(bytes, 0, request, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return request;
    }

    /** The name that the kernel wrote. */
    static String name(MemorySegment request) {
        return request.getString(0, StandardCharsets.UTF_8);
    }
}
