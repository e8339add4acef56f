/**
 * A gateway that needs no privilege: what guests send to the world goes through ordinary sockets of this process, and what
 * comes back is made into frames again. {@link dev.vz.net.gateway.Gateway} is the way in, and
 * {@link dev.vz.net.gateway.GatewayConfiguration} says what it may do; the relays for TCP, UDP and echo behind it are not
 * for others. Everything runs on the thread of one event loop.
 */
@NullMarked
package dev.vz.net.gateway;

import org.jspecify.annotations.NullMarked;
