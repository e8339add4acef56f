package dev.vz.net.gateway;

/** Answers datagrams that guests send to the gateway itself. Called on the gateway's thread; must not block. */
@FunctionalInterface
public interface DatagramService {

    /** Takes a datagram; its bytes are borrowed until this returns. Throwing drops the datagram. */
    void receive(LocalDatagram datagram);
}
