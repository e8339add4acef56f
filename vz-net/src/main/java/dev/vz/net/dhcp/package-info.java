/**
 * Gives addresses to guests: DHCP for IPv4 (RFC 2131, 2132) and for IPv6 (RFC 8415).
 * {@link dev.vz.net.dhcp.DhcpServer} decides and {@link dev.vz.net.dhcp.DhcpMessage} is what travels; neither needs a network,
 * so both are tested without. {@link dev.vz.net.dhcp.DhcpService} puts them on a gateway.
 */
@NullMarked
package dev.vz.net.dhcp;

import org.jspecify.annotations.NullMarked;
