package dev.vz.net.dhcp;

import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Decides who gets which address (RFC 2131, 4.3). A guest keeps its address as long as nobody else needs it; an address that
 * a guest found in use rests for a while. What guests make it remember is bounded by the range of addresses. Used by one
 * thread at a time.
 */
public final class DhcpServer {

    /** How long an offer holds, seconds. */
    private static final long OFFER = 30;
    /** How long an address that is in use elsewhere rests, seconds. */
    private static final long QUARANTINE = 600;
    private static final int LARGEST_NAME = 63;
    private static final int LARGEST_IDENTIFIER = 64;

    private final DhcpConfiguration configuration;
    private final InstantSource clock;
    private final @Nullable LeaseStore store;
    private final Map<Integer, Lease> byAddress = new HashMap<>();
    private final Map<String, Integer> byClient = new HashMap<>();
    private final Map<Integer, Long> offered = new HashMap<>();
    /** Who was offered an address: only for as long as {@link #offered} says. */
    private final Map<Integer, String> pending = new HashMap<>();
    private final Map<String, Integer> offeredTo = new HashMap<>();
    private final Map<Integer, Long> resting = new HashMap<>();
    private final Set<Integer> reserved;
    private final int first;
    private final int count;
    private final int own;
    private int next;
    private Consumer<Lease> listener = lease -> {};

    /**
     * A server.
     *
     * @param store where leases last, or {@code null} if they need not
     */
    public DhcpServer(DhcpConfiguration configuration, @Nullable LeaseStore store, InstantSource clock) {
        this.configuration = configuration;
        this.store = store;
        this.clock = clock;
        first = IpPrefix.number(configuration.first());
        count = IpPrefix.number(configuration.last()) - first + 1;
        own = IpPrefix.number((Inet4Address) configuration.server().address());
        reserved = configuration.reservations().values().stream().map(each -> IpPrefix.number(each.address()))
                .collect(Collectors.toUnmodifiableSet());
        if (store != null) {
            store.leases().forEach(this::remember);
        }
    }

    /** Tells {@code listener} of every lease that is given, renewed or given back, on the thread that does it. */
    public void onLease(Consumer<Lease> listener) {
        this.listener = listener;
    }

    /** The server's own address. */
    public InetAddress address() {
        return configuration.server().address();
    }

    /** The leases that have not ended. */
    public Collection<Lease> leases() {
        long now = now();
        return List.copyOf(byAddress.values().stream().filter(lease -> lease.expires() > now).toList());
    }

    private long now() {
        return clock.instant().getEpochSecond();
    }

    private void remember(Lease lease) {
        int address = IpPrefix.number(lease.address());
        Lease before = byAddress.put(address, lease);
        if (before != null) {
            byClient.remove(before.client(), address);
        }
        Integer other = byClient.put(lease.client(), address);
        if (other != null && other != address) {
            byAddress.remove(other);
        }
    }

    /** The answer to {@code request}, or {@code null} if there is none to give. */
    public @Nullable DhcpMessage answer(DhcpMessage request) {
        if (request.op != DhcpMessage.BOOTREQUEST || request.chaddr.isMulticast()) {
            return null;
        }
        int server = request.address(DhcpOption.SERVER_IDENTIFIER);
        return switch (request.type()) {
            case DhcpMessage.DISCOVER -> discover(request);
            case DhcpMessage.REQUEST -> server != 0 && server != own ? forgetOffer(request) : request(request, server);
            case DhcpMessage.DECLINE -> server == own ? decline(request) : null;
            case DhcpMessage.RELEASE -> release(request);
            case DhcpMessage.INFORM -> fill(reply(request, DhcpMessage.ACK), request, false);
            default -> null;
        };
    }

    private @Nullable DhcpMessage discover(DhcpMessage request) {
        int address = choose(request);
        if (address == 0) {
            return null;
        }
        DhcpMessage offer = reply(request, DhcpMessage.OFFER);
        offer.yiaddr = address;
        forgetOffers(client(request));
        offered.put(address, now() + OFFER);
        String other = pending.put(address, client(request));
        if (other != null) {
            offeredTo.remove(other, address);
        }
        offeredTo.put(client(request), address);
        return fill(offer, request, true);
    }

    private @Nullable DhcpMessage request(DhcpMessage request, int server) {
        int wanted = server != 0 || request.ciaddr == 0
                ? request.address(DhcpOption.REQUESTED_ADDRESS)
                : request.ciaddr;
        String client = client(request);
        Lease held = byAddress.get(wanted);
        boolean known = held != null && held.client().equals(client);
        if (!known && server == 0 && !configuration.server().contains(IpPrefix.inet4(wanted))) {
            return refuse(request, "the address is of another network");
        }
        if (!known && server == 0 && !byClient.containsKey(client) && reservation(request.chaddr) == 0) {
            return null; // RFC 2131, 4.3.2: about a client of which it knows nothing it is silent
        }
        if (!isFree(wanted, client, request.chaddr)) {
            return refuse(request, "the address is not yours");
        }
        var lease = new Lease(IpPrefix.inet4(wanted), request.chaddr, client, name(request),
                now() + configuration.leaseTime().toSeconds());
        if (store != null) {
            store.put(lease);
        }
        remember(lease);
        forgetOffers(client);
        listener.accept(lease);
        DhcpMessage ack = reply(request, DhcpMessage.ACK);
        ack.yiaddr = wanted;
        ack.ciaddr = request.ciaddr;
        return fill(ack, request, true);
    }

    private DhcpMessage refuse(DhcpMessage request, String why) {
        DhcpMessage nak = reply(request, DhcpMessage.NAK);
        nak.flags |= 0x8000; // RFC 2131, 4.3.2: the client may not have the address that it thinks
        return nak.put(DhcpOption.MESSAGE, why.getBytes(StandardCharsets.US_ASCII));
    }

    private @Nullable DhcpMessage forgetOffer(DhcpMessage request) {
        forgetOffers(client(request));
        return null;
    }

    private void forgetOffers(String client) {
        Integer address = offeredTo.remove(client);
        if (address != null) {
            pending.remove(address);
            offered.remove(address);
        }
    }

    private @Nullable DhcpMessage decline(DhcpMessage request) {
        int address = request.address(DhcpOption.REQUESTED_ADDRESS);
        Lease lease = byAddress.get(address);
        if (lease != null && lease.client().equals(client(request))) {
            forget(lease);
            resting.put(address, now() + QUARANTINE);
        }
        return null;
    }

    private @Nullable DhcpMessage release(DhcpMessage request) {
        Lease lease = byAddress.get(request.ciaddr);
        if (lease != null && lease.client().equals(client(request))) {
            forget(lease);
        }
        return null;
    }

    /** Ends a lease; who had it is still remembered, and gets it again if it is free. */
    private void forget(Lease lease) {
        var ended = new Lease(lease.address(), lease.mac(), lease.client(), lease.name(), now());
        if (store != null) {
            store.put(ended);
        }
        remember(ended);
        listener.accept(ended);
    }

    private int choose(DhcpMessage request) {
        int reserved = reservation(request.chaddr);
        if (reserved != 0) {
            return reserved;
        }
        String client = client(request);
        Integer before = byClient.get(client);
        if (before != null && isFree(before, client, request.chaddr)) {
            return before;
        }
        Integer offer = offeredTo.get(client);
        if (offer != null && isFree(offer, client, request.chaddr)) {
            return offer;
        }
        int wish = request.address(DhcpOption.REQUESTED_ADDRESS);
        if (wish != 0 && isFree(wish, client, request.chaddr)) {
            return wish;
        }
        // Fresh addresses first, then those whose lease has ended.
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < count; i++) {
                int address = first + (next + i) % count;
                if ((pass == 1 || !byAddress.containsKey(address)) && isFree(address, client, request.chaddr)) {
                    next = (next + i + 1) % count;
                    return address;
                }
            }
        }
        return 0;
    }

    private int reservation(MacAddress mac) {
        var reservation = configuration.reservations().get(mac);
        return reservation == null ? 0 : IpPrefix.number(reservation.address());
    }

    private boolean isFree(int address, String client, MacAddress mac) {
        int reserved = reservation(mac);
        if (reserved != 0) {
            return address == reserved;
        }
        if (address - first < 0 || address - first >= count || address == own || isReserved(address)) {
            return false;
        }
        int broadcast = IpPrefix.number((Inet4Address) configuration.server().last());
        if (address == broadcast || address == IpPrefix.number((Inet4Address) configuration.server().network())) {
            return false;
        }
        long now = now();
        Lease lease = byAddress.get(address);
        if (lease != null && lease.expires() > now && !lease.client().equals(client)) {
            return false;
        }
        Long offer = offered.get(address);
        if (offer != null && offer > now && !client.equals(pending.get(address))) {
            return false;
        }
        Long rest = resting.get(address);
        return rest == null || rest <= now;
    }

    private boolean isReserved(int address) {
        return reserved.contains(address);
    }

    private static String client(DhcpMessage request) {
        byte[] identifier = request.option(DhcpOption.CLIENT_IDENTIFIER);
        return identifier == null || identifier.length < 2 || identifier.length > LARGEST_IDENTIFIER
                ? request.chaddr.toString()
                : HexFormat.of().formatHex(identifier);
    }

    /** The name that the guest gives, if it is one (RFC 1123, 2.1); what guests call themselves ends up in DNS. */
    private @Nullable String name(DhcpMessage request) {
        var reservation = configuration.reservations().get(request.chaddr);
        if (reservation != null && reservation.name() != null) {
            return reservation.name();
        }
        byte[] value = request.option(DhcpOption.HOST_NAME);
        if (value == null) {
            return null;
        }
        String name = new String(value, StandardCharsets.US_ASCII).replaceAll("\0+$", "");
        boolean valid = name.length() <= LARGEST_NAME && name.matches("[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?");
        return valid ? name : null;
    }

    private DhcpMessage reply(DhcpMessage request, int type) {
        var reply = new DhcpMessage(DhcpMessage.BOOTREPLY, type, request.chaddr);
        reply.xid = request.xid;
        reply.flags = request.flags;
        reply.giaddr = request.giaddr;
        reply.putInt(DhcpOption.SERVER_IDENTIFIER, own);
        return reply;
    }

    private DhcpMessage fill(DhcpMessage reply, DhcpMessage request, boolean lease) {
        if (lease) {
            int seconds = (int) configuration.leaseTime().toSeconds();
            reply.putInt(DhcpOption.LEASE_TIME, seconds).putInt(DhcpOption.RENEWAL_TIME, seconds / 2)
                    .putInt(DhcpOption.REBINDING_TIME, (int) (seconds * 7L / 8));
        } else {
            reply.ciaddr = request.ciaddr;
        }
        reply.put(DhcpOption.SUBNET_MASK, configuration.server().netmask().getAddress());
        reply.put(DhcpOption.BROADCAST_ADDRESS, configuration.server().last().getAddress());
        if (configuration.router() != null) {
            reply.put(DhcpOption.ROUTER, configuration.router().getAddress());
        }
        if (!configuration.dns().isEmpty()) {
            reply.putAddresses(DhcpOption.DNS_SERVERS, configuration.dns());
        }
        if (configuration.domain() != null) {
            reply.put(DhcpOption.DOMAIN_NAME, configuration.domain().getBytes(StandardCharsets.US_ASCII));
        }
        if (configuration.mtu() > 0) {
            reply.put(DhcpOption.INTERFACE_MTU, (byte) (configuration.mtu() >> 8), (byte) configuration.mtu());
        }
        var reservation = configuration.reservations().get(request.chaddr);
        if (reservation != null && reservation.name() != null) {
            reply.put(DhcpOption.HOST_NAME, reservation.name().getBytes(StandardCharsets.US_ASCII));
        }
        var boot = configuration.boot();
        if (boot != null) {
            reply.siaddr = IpPrefix.number(boot.server());
            reply.file = boot.file().getBytes(StandardCharsets.US_ASCII);
        }
        byte[] wanted = request.option(DhcpOption.PARAMETER_LIST);
        for (int i = 0; wanted != null && i < wanted.length; i++) {
            byte[] value = configuration.options().get(wanted[i] & 0xFF);
            if (value != null) {
                reply.put(wanted[i] & 0xFF, value);
            }
        }
        return reply;
    }

    @Override
    public String toString() {
        return "DHCP server of " + configuration.server() + ", " + byAddress.size() + " leases at "
                + Instant.ofEpochSecond(now());
    }
}
