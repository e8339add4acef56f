package dev.vz.virtio.vhost;

import dev.vz.error.FormatException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.InterruptSink;
import dev.vz.virtio.queue.InflightLog;
import dev.vz.virtio.queue.QueueFeatures;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One front end's connection: its messages, one after the other, on one thread. */
final class Session implements AutoCloseable {

    /** What every queue's feature bits are offered as, and what no front end is told. */
    private static final long HIDDEN = DeviceHost.RING_RESET | 1L << QueueFeatures.NOTIFICATION_DATA;
    private static final int MOST_QUEUE_SIZE = 32768;

    private final VhostUserServer server;
    private final DeviceHost host;
    private final MessageChannel channel;
    private final MemoryTable table;
    private final Ring[] rings;
    private final BackendChannel requests = new BackendChannel();
    private @Nullable InflightRegion inflight;
    private long protocol;
    private long features;
    private boolean featuresSet;
    private int status;

    Session(VhostUserServer server, DeviceHost host, GuestMemory memory, UnixSocket socket) {
        this.server = server;
        this.host = host;
        channel = new MessageChannel(socket);
        table = new MemoryTable(memory);
        rings = new Ring[host.queues()];
        for (int i = 0; i < rings.length; i++) {
            rings[i] = new Ring();
        }
        host.connect(new Calls());
    }

    private final class Calls implements InterruptSink {
        @Override
        public void queue(int index) {
            rings[index].call.signal();
        }

        @Override
        public void config() {
            if ((host.status() & DeviceHost.NEEDS_RESET) != 0) {
                for (Ring ring : rings) {
                    ring.error.signal();
                }
            }
            if ((protocol & Protocol.PROTOCOL_CONFIG) != 0) {
                requests.configChanged();
            }
        }
    }

    /**
     * Answers messages until the front end goes.
     *
     * @throws FormatException if it sends what cannot be
     */
    void run() {
        while (channel.receive()) {
            boolean wantsReply = (channel.flags() & Protocol.FLAG_NEED_REPLY) != 0
                    && (protocol & Protocol.PROTOCOL_REPLY_ACK) != 0;
            boolean answered;
            try {
                answered = handle(channel.request());
            } catch (FormatException refused) {
                if (!wantsReply) {
                    throw refused;
                }
                channel.reply(1);
                continue;
            }
            if (wantsReply && !answered) {
                channel.reply(0);
            }
        }
    }

    /** Does what a message says; {@code true} if it has its own answer, which is sent. */
    private boolean handle(int request) {
        switch (request) {
            case Protocol.GET_FEATURES -> channel.reply(host.offeredFeatures() & ~HIDDEN | Protocol.PROTOCOL_FEATURES);
            case Protocol.GET_PROTOCOL_FEATURES -> channel.reply(offeredProtocol());
            case Protocol.GET_QUEUE_NUM -> channel.reply(server.queueNumber());
            case Protocol.GET_MAX_MEM_SLOTS -> channel.reply(MemoryTable.MOST_REGIONS);
            case Protocol.GET_STATUS -> channel.reply(status | host.status() & DeviceHost.NEEDS_RESET);
            case Protocol.GET_VRING_BASE -> getBase();
            case Protocol.GET_CONFIG -> getConfig();
            case Protocol.GET_INFLIGHT_FD -> getInflight();
            default -> {
                set(request);
                return false;
            }
        }
        return true;
    }

    private void set(int request) {
        switch (request) {
            case Protocol.SET_FEATURES -> setFeatures(payload());
            case Protocol.SET_PROTOCOL_FEATURES -> protocol = payload() & offeredProtocol();
            case Protocol.SET_OWNER -> { /* There is one front end to a connection. */ }
            case Protocol.RESET_OWNER, Protocol.RESET_DEVICE -> reset();
            case Protocol.SET_MEM_TABLE -> setMemory();
            case Protocol.ADD_MEM_REG -> addRegion();
            case Protocol.REM_MEM_REG -> removeRegion();
            case Protocol.SET_VRING_NUM -> setSize();
            case Protocol.SET_VRING_ADDR -> setAddresses();
            case Protocol.SET_VRING_BASE -> restingRing().base = channel.intAt(4);
            case Protocol.SET_VRING_KICK -> setKick();
            case Protocol.SET_VRING_CALL -> setCall();
            case Protocol.SET_VRING_ERR -> lineRing().error.replace(optionalDescriptor());
            case Protocol.SET_VRING_ENABLE -> enable();
            case Protocol.SET_CONFIG -> setConfig();
            case Protocol.SET_BACKEND_REQ_FD -> requests.use(channel.takeDescriptor());
            case Protocol.SET_INFLIGHT_FD -> setInflight();
            case Protocol.SET_STATUS -> {
                status = (int) payload() & 0xFF;
                if (status == 0) {
                    reset();
                }
            }
            default -> throw new FormatException(Protocol.name(request) + " is not known here");
        }
    }

    private long payload() {
        channel.require(8);
        return channel.longAt(0);
    }

    private long offeredProtocol() {
        return Protocol.PROTOCOL_MQ | Protocol.PROTOCOL_REPLY_ACK | Protocol.PROTOCOL_BACKEND_REQ
                | Protocol.PROTOCOL_CONFIG | Protocol.PROTOCOL_INFLIGHT_SHMFD | Protocol.PROTOCOL_RESET_DEVICE
                | Protocol.PROTOCOL_CONFIGURE_MEM_SLOTS;
    }

    // ----------------------------------------------------------------------------------------------- features

    private void setFeatures(long wanted) {
        long ours = wanted & ~Protocol.PROTOCOL_FEATURES;
        if ((ours & ~(host.offeredFeatures() & ~HIDDEN)) != 0) {
            throw new FormatException(String.format("SET_FEATURES asks for 0x%x, of which 0x%x was not offered", wanted,
                    ours & ~host.offeredFeatures()));
        }
        if (featuresSet && wanted != features && (host.status() & DeviceHost.DRIVER_OK) != 0) {
            // Another driver, as when a kernel follows firmware. Its predecessor's queues may be stopped already.
            quiesce();
            host.reset();
        }
        features = wanted;
        featuresSet = true;
        resumeAll();
    }

    private boolean negotiate() {
        if ((host.status() & DeviceHost.NEEDS_RESET) != 0 && !isAnyWorking()) {
            host.reset();
        }
        if ((host.status() & DeviceHost.DRIVER_OK) != 0) {
            return true;
        }
        long wanted = features & ~Protocol.PROTOCOL_FEATURES;
        host.writeStatus(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER);
        host.writeDriverFeatures(0, (int) wanted);
        host.writeDriverFeatures(1, (int) (wanted >>> 32));
        host.writeStatus(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER | DeviceHost.FEATURES_OK);
        if ((host.status() & DeviceHost.FEATURES_OK) == 0) {
            host.reset();
            throw new FormatException(String.format("the device does not work with the features 0x%x; "
                    + "VIRTIO_F_VERSION_1 is needed, and whatever each feature requires", wanted));
        }
        host.writeStatus(host.status() | DeviceHost.DRIVER_OK);
        return true;
    }

    private void reset() {
        quiesce();
        host.reset();
        for (Ring ring : rings) {
            ring.started = false;
            ring.enabled = false;
            ring.base = 0;
        }
    }

    // ------------------------------------------------------------------------------------------------- memory

    private void setMemory() {
        channel.require(8);
        int count = channel.intAt(0);
        List<FileDescriptor> files = channel.takeDescriptors();
        try {
            if (count < 0 || count > Protocol.MOST_DESCRIPTORS || files.size() != count) {
                throw new FormatException("SET_MEM_TABLE has " + Integer.toUnsignedString(count) + " regions and "
                        + files.size() + " descriptors");
            }
            channel.require(8 + 32 * count);
            quiesce();
            table.clear();
            for (int i = 0; i < count; i++) {
                int at = 8 + 32 * i;
                table.add(channel.longAt(at), channel.longAt(at + 8), channel.longAt(at + 16), channel.longAt(at + 24),
                        files.get(i));
            }
        } finally {
            files.forEach(FileDescriptor::close);
        }
        resumeAll();
    }

    private void addRegion() {
        channel.require(40);
        try (FileDescriptor file = channel.takeDescriptor()) {
            quiesce();
            table.add(channel.longAt(8), channel.longAt(16), channel.longAt(24), channel.longAt(32), file);
        } finally {
            resumeAll();
        }
    }

    private void removeRegion() {
        channel.require(40);
        quiesce();
        try {
            table.remove(channel.longAt(8), channel.longAt(16), channel.longAt(24));
        } finally {
            resumeAll();
        }
    }

    // -------------------------------------------------------------------------------------------------- rings

    private int index(int value) {
        if (value < 0 || value >= rings.length) {
            throw new FormatException(Protocol.name(channel.request()) + " names queue "
                    + Integer.toUnsignedString(value) + " of " + rings.length);
        }
        return value;
    }

    /** The ring that the message names, which must not be working. */
    private Ring restingRing() {
        channel.require(8);
        int index = index(channel.intAt(0));
        if (host.isEnabled(index)) {
            throw new FormatException(Protocol.name(channel.request()) + " for queue " + index + ", which is working");
        }
        return rings[index];
    }

    private Ring lineRing() {
        channel.require(8);
        return rings[index(channel.intAt(0) & 0xFF)];
    }

    /**
     * The driver is interrupted at once: for what a back end before this one has put into the used ring and could not tell
     * any more, and for what was given back while the line led nowhere, as QEMU's does until it has started every queue.
     * Nobody would ask for that interrupt again, and one too many does no harm.
     */
    private void setCall() {
        CallLine line = lineRing().call;
        line.replace(optionalDescriptor());
        line.signal();
    }

    private @Nullable FileDescriptor optionalDescriptor() {
        return (channel.longAt(0) & Protocol.NO_DESCRIPTOR) != 0 ? null : channel.takeDescriptor();
    }

    private void setSize() {
        Ring ring = restingRing();
        int size = channel.intAt(4);
        if (size < 1 || size > MOST_QUEUE_SIZE) {
            throw new FormatException("SET_VRING_NUM asks for a queue of " + Integer.toUnsignedString(size)
                    + " entries; 1 to " + MOST_QUEUE_SIZE + " can be");
        }
        ring.size = size;
    }

    private void setAddresses() {
        channel.require(40);
        int index = index(channel.intAt(0));
        boolean working = host.isEnabled(index);
        if (working) {
            halt(index);
        }
        Ring ring = rings[index];
        ring.descriptorArea = channel.longAt(8);
        ring.deviceArea = channel.longAt(16);
        ring.driverArea = channel.longAt(24);
        ring.addressed = true;
        if (working) {
            resume(index);
        }
    }

    private void setKick() {
        channel.require(8);
        int index = index(channel.intAt(0) & 0xFF);
        Ring ring = rings[index];
        FileDescriptor descriptor = optionalDescriptor();
        if (descriptor == null) {
            throw new FormatException("SET_VRING_KICK for queue " + index + " without a descriptor: it would have to be"
                    + " polled for ever, which is not done here");
        }
        try {
            ring.kick(descriptor, server.loop(index).kicks(), () -> host.notifyQueue(index));
        } catch (RuntimeException noEvent) {
            ring.dropKick();
            descriptor.close();
            throw new FormatException("SET_VRING_KICK for queue " + index + " came with what cannot be waited for: "
                    + noEvent.getMessage(), noEvent);
        }
        ring.started = true;
        if ((features & Protocol.PROTOCOL_FEATURES) == 0) {
            ring.enabled = true;
        }
        resume(index);
    }

    private void enable() {
        channel.require(8);
        int index = index(channel.intAt(0));
        rings[index].enabled = channel.intAt(4) != 0;
        if (rings[index].enabled) {
            resume(index);
        } else {
            halt(index);
        }
    }

    private void getBase() {
        channel.require(8);
        int index = index(channel.intAt(0));
        Ring ring = rings[index];
        halt(index);
        ring.started = false;
        ring.dropKick();
        MemorySegment reply = channel.reply();
        reply.set(ValueLayout.JAVA_INT_UNALIGNED, 0, index);
        reply.set(ValueLayout.JAVA_INT_UNALIGNED, 4, ring.base);
        channel.send(channel.request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, 8);
    }

    private boolean isAnyWorking() {
        for (int i = 0; i < rings.length; i++) {
            if (host.isEnabled(i)) {
                return true;
            }
        }
        return false;
    }

    private void halt(int index) {
        long base = host.haltQueue(index);
        if (base >= 0) {
            rings[index].base = (int) base;
        }
    }

    /** Halts every queue; {@link #resumeAll} lets those go on that worked. */
    private void quiesce() {
        for (int i = 0; i < rings.length; i++) {
            halt(i);
        }
    }

    private void resumeAll() {
        for (int i = 0; i < rings.length; i++) {
            resume(i);
        }
    }

    /** Lets a queue work if everything about it has been said. */
    private void resume(int index) {
        Ring ring = rings[index];
        if (!ring.started || !ring.enabled || !ring.addressed || ring.size == 0 || !featuresSet
                || host.isEnabled(index)) {
            return;
        }
        long descriptors = table.guestAddress(ring.descriptorArea);
        long driver = table.guestAddress(ring.driverArea);
        long device = table.guestAddress(ring.deviceArea);
        if (descriptors == -1 || driver == -1 || device == -1) {
            // The memory table may still be on its way.
            return;
        }
        if (!negotiate()) {
            return;
        }
        host.writeQueue(index, config -> {
            config.setSize(ring.size);
            config.setDescriptorArea(descriptors);
            config.setDriverArea(driver);
            config.setDeviceArea(device);
        });
        InflightRegion region = inflight;
        InflightLog log = region == null ? null : region.log(index, ring.size, isPacked());
        if (!host.resumeQueue(index, ring.base, log)) {
            ring.error.signal();
            throw new FormatException("queue " + index + " cannot work: of " + ring.size + " entries at 0x"
                    + Long.toHexString(ring.descriptorArea));
        }
    }

    // --------------------------------------------------------------------------------- configuration, in flight

    private void getConfig() {
        channel.require(12);
        int offset = channel.intAt(0);
        int size = channel.intAt(4);
        MemorySegment reply = channel.reply();
        reply.set(ValueLayout.JAVA_INT_UNALIGNED, 0, offset);
        reply.set(ValueLayout.JAVA_INT_UNALIGNED, 8, channel.intAt(8));
        if (offset < 0 || size < 0 || size > Protocol.MOST_CONFIG || offset > Protocol.MOST_CONFIG) {
            // By the protocol, a size of 0 says that it failed.
            reply.set(ValueLayout.JAVA_INT_UNALIGNED, 4, 0);
            channel.send(channel.request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, 0);
            return;
        }
        reply.set(ValueLayout.JAVA_INT_UNALIGNED, 4, size);
        for (int i = 0; i < size; i++) {
            reply.set(ValueLayout.JAVA_BYTE, 12 + i, (byte) host.device().config().read((long) offset + i, 1));
        }
        channel.send(channel.request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, 12 + size);
    }

    private void setConfig() {
        channel.require(12);
        int offset = channel.intAt(0);
        int size = channel.intAt(4);
        if (offset < 0 || size < 0 || size > Protocol.MOST_CONFIG || offset > Protocol.MOST_CONFIG) {
            throw new FormatException("SET_CONFIG of " + Integer.toUnsignedString(size) + " bytes at "
                    + Integer.toUnsignedString(offset));
        }
        channel.require(12 + size);
        for (int i = 0; i < size; i++) {
            host.device().config().write((long) offset + i, 1, channel.byteAt(12 + i));
        }
    }

    private boolean isPacked() {
        return (features & 1L << QueueFeatures.RING_PACKED) != 0;
    }

    private void getInflight() {
        channel.require(20);
        int queues = channel.shortAt(16);
        int queueSize = channel.shortAt(18);
        MemorySegment reply = channel.reply();
        reply.asSlice(0, 24).fill((byte) 0);
        reply.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16, (short) queues);
        reply.set(ValueLayout.JAVA_SHORT_UNALIGNED, 18, (short) queueSize);
        if (queues < 1 || queues > rings.length || queueSize < 1 || queueSize > MOST_QUEUE_SIZE) {
            channel.send(channel.request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, channel.size());
            return;
        }
        dropInflight();
        InflightRegion region = InflightRegion.create(queues, queueSize, !featuresSet || isPacked());
        inflight = region;
        reply.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, region.size());
        channel.send(channel.request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, channel.size(),
                region.descriptor());
    }

    private void setInflight() {
        channel.require(20);
        int queues = channel.shortAt(16);
        int queueSize = channel.shortAt(18);
        try (FileDescriptor file = channel.takeDescriptor()) {
            if (isAnyWorking()) {
                throw new FormatException("SET_INFLIGHT_FD while queues work");
            }
            if (queues < 1 || queues > rings.length || queueSize < 1 || queueSize > MOST_QUEUE_SIZE) {
                throw new FormatException("SET_INFLIGHT_FD for " + queues + " queues of " + queueSize);
            }
            InflightRegion region = InflightRegion.of(file, channel.longAt(0), channel.longAt(8), queues, queueSize);
            dropInflight();
            inflight = region;
        }
    }

    private void dropInflight() {
        InflightRegion region = inflight;
        if (region != null) {
            quiesce();
            inflight = null;
            region.close();
        }
    }

    /** Everything of this front end is given up: its queues, memory and descriptors. */
    @Override
    public void close() {
        quiesce();
        host.reset();
        dropInflight();
        for (Ring ring : rings) {
            ring.reset();
        }
        table.close();
        requests.close();
        channel.close();
    }
}
