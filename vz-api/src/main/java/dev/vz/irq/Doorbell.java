package dev.vz.irq;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A guest-to-device signal: a write to one address that carries no more than the fact that it happened.
 *
 * <p>
 * On KVM the kernel completes the write without leaving the guest (an ioeventfd); on the software CPU it is a call.
 * Either way the listener runs soon after, and several rings may be reported as one.
 */
public interface Doorbell extends AutoCloseable {

    /** Where it is. */
    Address address();

    /**
     * A descriptor that becomes readable when the doorbell is rung (an eventfd), for a loop of the device's own or for
     * another process; empty where the back end calls the listener directly.
     */
    OptionalInt eventFd();

    /** Takes the doorbell away. When it returns the listener is not running and will not run. */
    @Override
    void close();

    /** The two address spaces of a PC. */
    enum Space {
        /** {@code IN} and {@code OUT}. */
        PORT,
        /** Guest-physical memory. */
        MMIO
    }

    /**
     * Which writes ring.
     *
     * @param space  the address space
     * @param range  the address and the width of the write in bytes: 1, 2, 4 or 8
     * @param match  the value that must be written; empty for any value
     */
    record Address(Space space, AddressRange range, OptionalLong match) {

        /** Checks the width, and that a port is one. */
        public Address {
            long width = range.length();
            boolean port = space == Space.PORT;
            if (Long.bitCount(width) != 1 || width > (port ? 4 : 8)) {
                throw new ConfigurationException("A doorbell on a " + space + " write cannot be " + width
                        + " bytes wide; use " + (port ? "1, 2 or 4" : "1, 2, 4 or 8"));
            }
            if (port && (range.start() < 0 || range.last() > 0xFFFF)) {
                throw new ConfigurationException("There are no ports " + range + "; the last is 0xffff");
            }
        }

        /** Any write of {@code width} bytes to MMIO address {@code gpa}. */
        public static Address mmio(long gpa, int width) {
            return new Address(Space.MMIO, new AddressRange(gpa, width), OptionalLong.empty());
        }

        /** Any write of {@code width} bytes to {@code port}. */
        public static Address port(int port, int width) {
            return new Address(Space.PORT, new AddressRange(port, width), OptionalLong.empty());
        }

        /** Only a write of {@code value}. */
        public Address matching(long value) {
            return new Address(space, range, OptionalLong.of(value));
        }
    }

    /** A virtual machine on which doorbells can be hung. */
    interface Registrar {
        /**
         * Calls {@code listener} after each ring, on a thread of the back end; it must not block for long.
         *
         * @throws dev.vz.error.ConfigurationException if a doorbell with the same address and match is there
         */
        Doorbell register(Address address, Runnable listener);

        /**
         * A doorbell whose descriptor somebody else waits on.
         *
         * @param eventFd an eventfd of the caller's, which stays open longer than the doorbell
         * @throws dev.vz.error.CapabilityException where the back end rings only by calls
         */
        Doorbell registerDescriptor(Address address, int eventFd);
    }
}
