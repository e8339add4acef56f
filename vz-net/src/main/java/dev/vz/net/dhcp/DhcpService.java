package dev.vz.net.dhcp;

import dev.vz.error.FormatException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.gateway.DatagramService;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayLink;
import dev.vz.net.gateway.LocalDatagram;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.InetAddress;

/** A {@link DhcpServer} at port 67 of a gateway. Runs on the gateway's thread. */
public final class DhcpService implements DatagramService {

    private static final System.Logger LOGGER = System.getLogger(DhcpService.class.getName());
    private static final int SERVER_PORT = 67;
    private static final int CLIENT_PORT = 68;
    private static final int LARGEST = 1500;

    private final DhcpServer server;
    private final GatewayLink link;
    private final InetAddress own;
    private final MemorySegment buffer = Arena.ofAuto().allocate(LARGEST);

    /** Serves {@code gateway}'s guests from now on. */
    public DhcpService(Gateway gateway, DhcpServer server) {
        this.server = server;
        link = gateway.link();
        own = server.address();
        gateway.bindDatagrams(SERVER_PORT, this);
    }

    @Override
    public void receive(LocalDatagram datagram) {
        byte[] bytes = datagram.segment().asSlice(datagram.offset(), datagram.length())
                .toArray(ValueLayout.JAVA_BYTE);
        DhcpMessage request;
        try {
            request = DhcpMessage.parse(bytes);
        } catch (FormatException wrong) {
            LOGGER.log(System.Logger.Level.DEBUG, "A DHCP message is dropped: {0}", wrong.getMessage());
            return;
        }
        DhcpMessage answer = server.answer(request);
        if (answer != null) {
            send(request, answer, datagram.mac());
        }
    }

    // RFC 2131, 4.1.
    private void send(DhcpMessage request, DhcpMessage answer, MacAddress sender) {
        byte[] bytes = answer.bytes();
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        MacAddress to = answer.chaddr;
        Inet4Address receiver;
        int port = CLIENT_PORT;
        if (request.giaddr != 0) {
            receiver = IpPrefix.inet4(request.giaddr);
            to = sender;
            port = SERVER_PORT;
        } else if (answer.type() != DhcpMessage.NAK && request.ciaddr != 0) {
            receiver = IpPrefix.inet4(request.ciaddr);
        } else if (answer.wantsBroadcast() || answer.yiaddr == 0) {
            receiver = IpPrefix.inet4(-1);
            to = MacAddress.BROADCAST;
        } else {
            receiver = IpPrefix.inet4(answer.yiaddr);
        }
        if (answer.type() == DhcpMessage.ACK && answer.yiaddr != 0) {
            link.learn(IpPrefix.inet4(answer.yiaddr), answer.chaddr);
        }
        link.sendDatagram(to, own, SERVER_PORT, receiver, port, buffer, 0, bytes.length);
    }
}
