package dev.vz.net.definition;

import dev.vz.net.IpPrefix;
import java.net.InetAddress;

/**
 * A network that is reached through a station of another.
 *
 * @param destination the network
 * @param gateway     the station
 * @param metric      how dear it is; 0 for the usual
 */
public record RouteDefinition(IpPrefix destination, InetAddress gateway, int metric) {}
