/**
 * Tells guests about the router, the prefix, the MTU and the name servers of an IPv6 link (RFC 4861, 6.2; RFC 8106), so that
 * they configure themselves. {@link dev.vz.net.advertisement.RouterAdvertiser} does it for a gateway;
 * {@link dev.vz.net.advertisement.RouterAdvertisement} is what it says.
 */
@NullMarked
package dev.vz.net.advertisement;

import org.jspecify.annotations.NullMarked;
