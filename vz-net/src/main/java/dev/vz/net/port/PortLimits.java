package dev.vz.net.port;

import dev.vz.error.ConfigurationException;

/** What numbers a port can be given. */
final class PortLimits {

    private PortLimits() {}

    /** {@code mtu} if it is one: 68 (RFC 791) to 65535 bytes. */
    static int mtu(int mtu) {
        if (mtu < 68 || mtu > 65535) {
            throw new ConfigurationException("The MTU of a port is 68 to 65535 bytes, not " + mtu);
        }
        return mtu;
    }
}
