package dev.vz.net.network;

import dev.vz.net.definition.NetworkDefinition;

/** What makes networks of definitions. Any thread may call. */
public interface NetworkPlane {

    /**
     * Makes the network work.
     *
     * @throws dev.vz.error.VzException if it cannot; whatever was made of it is gone again
     */
    void activate(NetworkDefinition network);

    /** Ends what {@link #activate} made. Does nothing if it is not active. */
    void deactivate(NetworkDefinition network);

    /** Whether the network works now. */
    boolean isActive(NetworkDefinition network);
}
