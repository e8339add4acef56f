/**
 * The host's time for guests: a server of the Network Time Protocol at the gateway. It tells the time that the host has and
 * asks nobody else. Who has no network but the gateway's keeps its clock right by it.
 */
@NullMarked
package dev.vz.net.ntp;

import org.jspecify.annotations.NullMarked;
