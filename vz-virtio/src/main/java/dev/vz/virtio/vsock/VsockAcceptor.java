package dev.vz.virtio.vsock;

/** Takes streams that the guest opens to a port of the host. */
@FunctionalInterface
public interface VsockAcceptor {

    /** A stream was opened. Called on a virtual thread of its own, which may block; the acceptor closes the stream. */
    void accept(VsockConnection connection);
}
