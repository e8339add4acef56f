package dev.vz.machine;

import dev.vz.error.ConfigurationException;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The devices that a PC has on its board.
 *
 * @param serialPorts  COM1 to COM4: how many of them, 0 to 4
 * @param debugConsole whether bytes written to port 0xE9 can be seen
 * @param debugExit    the port whose written value ends the machine, if any
 * @param display      a framebuffer that is set up when the guest starts, if any
 */
public record PlatformDescription(int serialPorts, boolean debugConsole, OptionalInt debugExit,
        Optional<DisplayDescription> display) {

    private static final int MOST_SERIAL_PORTS = 4;

    /**
     * A framebuffer's size.
     *
     * @param width  pixels, 64 to 8192, a multiple of 8
     * @param height pixels, 64 to 4096
     */
    public record DisplayDescription(int width, int height) {
        /** Checks the size. */
        public DisplayDescription {
            if (width < 64 || width > 8192 || width % 8 != 0 || height < 64 || height > 4096) {
                throw new ConfigurationException(
                        "A display is 64 to 8192 pixels wide, in steps of 8, and 64 to 4096 high; "
                                + "got " + width + "x" + height);
            }
        }
    }

    /** Checks the numbers. */
    public PlatformDescription {
        if (serialPorts < 0 || serialPorts > MOST_SERIAL_PORTS) {
            throw new ConfigurationException("A PC has 0 to 4 serial ports, got " + serialPorts);
        }
        if (debugExit.isPresent() && (debugExit.getAsInt() < 0 || debugExit.getAsInt() > 0xFFFC)) {
            throw new ConfigurationException("The debug exit's port is between 0 and 0xfffc, got 0x"
                    + Integer.toHexString(debugExit.getAsInt()));
        }
    }

    /** One serial port and nothing else. */
    public static PlatformDescription standard() {
        return new PlatformDescription(1, false, OptionalInt.empty(), Optional.empty());
    }

    /** The same with that many serial ports. */
    public PlatformDescription withSerialPorts(int count) {
        return new PlatformDescription(count, debugConsole, debugExit, display);
    }

    /** The same with the debug console. */
    public PlatformDescription withDebugConsole() {
        return new PlatformDescription(serialPorts, true, debugExit, display);
    }

    /** The same with a debug exit at {@code port}. */
    public PlatformDescription withDebugExit(int port) {
        return new PlatformDescription(serialPorts, debugConsole, OptionalInt.of(port), display);
    }

    /** The same with a framebuffer of that size. */
    public PlatformDescription withDisplay(int width, int height) {
        return new PlatformDescription(serialPorts, debugConsole, debugExit,
                Optional.of(new DisplayDescription(width, height)));
    }
}
