package dev.vz.net.dhcp;

import dev.vz.error.FormatException;
import dev.vz.net.gateway.DatagramService;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.LocalDatagram;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A {@link Dhcp6Server} at port 547 of a gateway. Runs on the gateway's thread. */
public final class Dhcp6Service implements DatagramService {

    private static final System.Logger LOGGER = System.getLogger(Dhcp6Service.class.getName());
    private static final int SERVER_PORT = 547;

    private final Dhcp6Server server;
    private final MemorySegment buffer = Arena.ofAuto().allocate(1500);

    /** Serves {@code gateway}'s guests from now on. */
    public Dhcp6Service(Gateway gateway, Dhcp6Server server) {
        this.server = server;
        gateway.bindDatagrams(SERVER_PORT, this);
    }

    @Override
    public void receive(LocalDatagram datagram) {
        byte[] message = datagram.segment().asSlice(datagram.offset(), datagram.length())
                .toArray(ValueLayout.JAVA_BYTE);
        try {
            byte[] answer = server.answer(message);
            if (answer != null) {
                MemorySegment.copy(answer, 0, buffer, ValueLayout.JAVA_BYTE, 0, answer.length);
                datagram.reply(buffer, 0, answer.length);
            }
        } catch (FormatException wrong) {
            LOGGER.log(System.Logger.Level.DEBUG, "A DHCPv6 message is dropped: {0}", wrong.getMessage());
        }
    }
}
