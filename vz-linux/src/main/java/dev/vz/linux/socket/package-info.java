/**
 * Unix sockets: streams, datagrams and sequenced packets, with descriptors passed along; and Internet sockets.
 *
 * <p>
 * {@link dev.vz.linux.socket.UnixSocket} and {@link dev.vz.linux.socket.UnixListener} are connections and who waits for
 * them; {@link dev.vz.linux.socket.InternetSocket} is both for TCP, UDP and ICMP, named by a
 * {@link dev.vz.linux.socket.SocketName}. A {@link dev.vz.linux.socket.SocketMessage} carries pieces of memory and
 * descriptors, a {@link dev.vz.linux.socket.MessageBatch} many messages in one call. Sending and receiving return the error
 * number negated and allocate nothing but what represents a received descriptor.
 */
@NullMarked
package dev.vz.linux.socket;

import org.jspecify.annotations.NullMarked;
