/**
 * Unix sockets: streams, datagrams and sequenced packets, with descriptors passed along; and TCP connections.
 *
 * <p>
 * {@link dev.vz.linux.socket.UnixSocket} and {@link dev.vz.linux.socket.UnixListener} are connections and who waits for
 * them, {@link dev.vz.linux.socket.TcpSocket} and {@link dev.vz.linux.socket.TcpListener} the same for TCP; a {@link dev.vz.linux.socket.SocketMessage} carries pieces of memory and descriptors, a
 * {@link dev.vz.linux.socket.MessageBatch} many messages in one call. Sending and receiving return the error number negated
 * and allocate nothing but what represents a received descriptor.
 */
@NullMarked
package dev.vz.linux.socket;

import org.jspecify.annotations.NullMarked;
