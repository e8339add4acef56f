package dev.vz.linux.network;

import java.util.Map;

/** The layout that is written by hand, for the comparison with C. */
public final class InterfaceRequestLayout {

    private InterfaceRequestLayout() {}

    /** C expressions with what the Java side takes them to be. */
    public static Map<String, Long> expectations() {
        return Map.of("sizeof(struct ifreq)", InterfaceRequest.SIZE,
                "offsetof(struct ifreq, ifr_name)", 0L,
                "sizeof(((struct ifreq *) 0)->ifr_name)", InterfaceRequest.MAXIMUM_NAME + 1L,
                "offsetof(struct ifreq, ifr_flags)", InterfaceRequest.VALUE,
                "offsetof(struct ifreq, ifr_ifindex)", InterfaceRequest.VALUE,
                "offsetof(struct ifreq, ifr_mtu)", InterfaceRequest.VALUE,
                "offsetof(struct ifreq, ifr_hwaddr.sa_data)", InterfaceRequest.HARDWARE_ADDRESS,
                "sizeof(((struct ifreq *) 0)->ifr_flags)", 2L);
    }
}
