import org.jspecify.annotations.NullMarked;

/** Networks for virtual machines: ports, a switch, a gateway and its services, usable without a machine. */
@NullMarked
module dev.vz.net {
    requires transitive dev.vz.api;
    requires transitive dev.vz.linux;
    requires java.xml;
    requires org.dnsjava;
    requires static transitive org.jspecify;

    exports dev.vz.net;
    exports dev.vz.net.advertisement;
    exports dev.vz.net.bridge;
    exports dev.vz.net.capture;
    exports dev.vz.net.definition;
    exports dev.vz.net.dhcp;
    exports dev.vz.net.dns;
    exports dev.vz.net.frame;
    exports dev.vz.net.network;
    exports dev.vz.net.ntp;
    exports dev.vz.net.gateway;
    exports dev.vz.net.packet;
    exports dev.vz.net.port;
    exports dev.vz.net.time;
}
