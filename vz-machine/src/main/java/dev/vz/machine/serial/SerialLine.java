package dev.vz.machine.serial;

/**
 * The far end of a serial port's wire.
 *
 * <p>
 * The port calls these methods on a vCPU thread, holding its own lock: an implementation does not block, does not throw,
 * and does not hold a lock of its own while it calls the port ({@link Uart16550#receive}, {@link Uart16550#lineReady}).
 */
public interface SerialLine {

    /**
     * Takes a byte that the guest sends.
     *
     * @return {@code false} if there is no room now: the port keeps the byte, shows the guest a full transmitter, and
     *         offers it again after {@link Uart16550#lineReady()}
     */
    boolean transmit(int value);

    /** The guest's receiver has room again after {@link Uart16550#receive} had to refuse a byte. */
    default void receiverReady() {}

    /** The guest holds the line in the break state, or lets go of it. */
    default void breakState(boolean on) {}

    /** The guest drives its modem control outputs. */
    default void modemControl(boolean dataTerminalReady, boolean requestToSend) {}

    /** A wire that leads nowhere: what is sent is lost, nothing is received. */
    static SerialLine unconnected() {
        return value -> true;
    }
}
