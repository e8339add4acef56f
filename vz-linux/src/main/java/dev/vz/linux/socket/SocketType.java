package dev.vz.linux.socket;

import dev.vz.linux.generated.LinuxHeaders;

/** What a Unix socket carries. */
public enum SocketType {
    /** A stream of bytes over a connection. */
    STREAM,
    /** Single messages; order and boundaries are kept, and nothing is lost. */
    DATAGRAM,
    /** Messages over a connection. */
    SEQUENCED_PACKET;

    // Looked up when used: the bindings need native access.
    int value() {
        return switch (this) {
            case STREAM -> LinuxHeaders.SOCK_STREAM();
            case DATAGRAM -> LinuxHeaders.SOCK_DGRAM();
            case SEQUENCED_PACKET -> LinuxHeaders.SOCK_SEQPACKET();
        };
    }
}
