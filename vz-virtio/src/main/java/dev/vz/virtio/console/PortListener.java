package dev.vz.virtio.console;

/** Is told what the guest does with a port. Called on the control queue's loop; must not wait. */
public interface PortListener {

    /** Nobody listens. */
    PortListener NONE = new PortListener() {};

    /** A program of the guest has opened the port, or closed it. Bytes for a closed port wait. */
    default void opened(boolean open) {}

    /** There is room again after {@link ConsolePort#write} took fewer bytes than it was given. */
    default void writable() {}
}
