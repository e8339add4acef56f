package dev.vz.irq;

import java.util.OptionalInt;

/** Where message-signalled interrupts go. Implemented by virtual machines with an interrupt controller. */
public interface MsiSink {

    /**
     * Delivers one message now. Any thread; does not block.
     *
     * @return whether a CPU took it; {@code false} where no CPU answers the address, which is the guest's mistake
     */
    boolean signal(Msi message);

    /** Prepares a message that will be sent often, on the shortest way that the back end has. */
    Vector vector(Msi message);

    /** A prepared message. Close it when the function's vector is masked for good. */
    interface Vector extends AutoCloseable {
        /** Sends it. Any thread; allocates nothing. */
        void trigger();

        /** Replaces the message: the guest has rewritten the MSI-X entry. */
        void update(Msi message);

        /**
         * A descriptor that sends the message whenever 8 bytes of a counter are written to it (an irqfd), for handing
         * to another process; empty where the back end has none.
         */
        OptionalInt eventFd();

        @Override
        void close();
    }
}
