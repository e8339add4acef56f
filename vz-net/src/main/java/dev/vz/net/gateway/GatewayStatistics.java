package dev.vz.net.gateway;

/**
 * What a gateway has done so far, and what it holds now.
 *
 * @param framesIn      frames from guests
 * @param framesOut     frames to guests
 * @param framesDropped frames to guests that the port did not take
 * @param malformed     frames that made no sense, or had a wrong checksum
 * @param flows         flows that exist
 * @param flowsOpened   flows that were opened
 * @param flowsRefused  flows that a quota, the host's resources or the policy refused
 * @param flowsEvicted  flows that were ended to make room for others
 * @param stagedBytes   bytes that wait for host sockets
 * @param errorsSent    ICMP errors to guests
 * @param failures      mistakes of the gateway itself, each of which cost a frame or a flow
 */
public record GatewayStatistics(long framesIn, long framesOut, long framesDropped, long malformed, int flows,
        long flowsOpened, long flowsRefused, long flowsEvicted, long stagedBytes, long errorsSent, long failures) {}
