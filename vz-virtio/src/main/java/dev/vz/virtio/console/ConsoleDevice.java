package dev.vz.virtio.console;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.DescriptorChain;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A console with one or several ports (virtio 1.3, 5.3). Port 0 is a terminal; the others are streams that programs in
 * the guest find by name.
 */
public final class ConsoleDevice implements VirtioDevice<ConsoleState> {

    /** The device's type. */
    public static final int TYPE = 3;

    static final long SIZE = 1;
    static final long MULTIPORT = 1L << 1;
    static final long EMERG_WRITE = 1L << 2;

    private static final int QUEUE_SIZE = 128;
    private static final int MOST_PORTS = 31;
    private static final int COLS = 0;
    private static final int ROWS = 2;
    private static final int EMERG_WR = 8;
    private static final int CONFIG_BYTES = 12;
    private static final int CONTROL_RECEIVE = 2;
    private static final int CONTROL_TRANSMIT = 3;

    private final List<ConsolePort> ports = new ArrayList<>();
    private final ConfigSpace config;
    private final ControlMessages control;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private volatile long features;
    private volatile EmergencyOutput emergency = character -> {};

    /** Takes what a guest writes before its driver works. Called on a vCPU thread. */
    @FunctionalInterface
    public interface EmergencyOutput {
        /** The guest wants {@code character}, 0 to 255, to be seen. */
        void write(int character);
    }

    /** A terminal, and further ports with these names; up to 30 of 1 to 64 ASCII characters. */
    public ConsoleDevice(String... names) {
        if (names.length >= MOST_PORTS) {
            throw new ConfigurationException("A console has up to " + (MOST_PORTS - 1) + " further ports, not "
                    + names.length);
        }
        ports.add(new ConsolePort(this, 0, "", true));
        for (String name : names) {
            if (!name.matches("[!-.0-~]{1,64}")) {
                throw new ConfigurationException("A port's name is 1 to 64 printable ASCII characters without blanks"
                        + " and slashes, not \"" + name + "\"");
            }
            ports.add(new ConsolePort(this, ports.size(), name, false));
        }
        control = new ControlMessages(8 * ports.size());
        ByteBuffer bytes = ByteBuffer.allocate(CONFIG_BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(4, ports.size());
        config = new ConfigSpace(bytes.array()).writable(EMERG_WR, 4,
                (offset, value) -> emergency.write((int) value & 0xFF));
    }

    /** The terminal. */
    public ConsolePort console() {
        return ports.getFirst();
    }

    /** All ports, the terminal first. */
    public List<ConsolePort> ports() {
        return List.copyOf(ports);
    }

    /** Gives what the guest writes early, through the configuration space, to {@code output} (5.3.4). */
    public void onEmergency(EmergencyOutput output) {
        emergency = output;
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-console";
    }

    @Override
    public long features() {
        return SIZE | EMERG_WRITE | (ports.size() > 1 ? MULTIPORT : 0);
    }

    boolean hasSeveralPorts() {
        return (features & MULTIPORT) != 0;
    }

    /** Two for each port, and two for control after the first port's (5.3.2). */
    @Override
    public int queues() {
        return ports.size() > 1 ? 2 * ports.size() + 2 : 2;
    }

    @Override
    public int queueSize(int index) {
        return QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void negotiated(long agreed) {
        features = agreed;
    }

    // ------------------------------------------------------------------------------------------------- queues

    @Override
    public void process(QueueBatch batch) {
        int index = batch.queue();
        if (index == CONTROL_RECEIVE) {
            control.process(batch);
        } else if (index == CONTROL_TRANSMIT) {
            processControl(batch);
        } else {
            ConsolePort port = ports.get(index < 2 ? 0 : index / 2 - 1);
            if ((index & 1) == 0) {
                port.processInput(batch);
            } else {
                port.processOutput(batch);
            }
        }
    }

    private void processControl(QueueBatch batch) {
        while (batch.next(chain)) {
            reader.reset(chain);
            if (reader.remaining() < ControlMessages.HEADER || chain.writableBytes() > 0) {
                batch.fault("a control message has " + reader.remaining() + " bytes to read and "
                        + chain.writableBytes() + " to write; 8 and 0 are needed (5.3.6.2)");
                return;
            }
            long id = reader.readLittleEndian(4);
            int event = (int) reader.readLittleEndian(2);
            int value = (int) reader.readLittleEndian(2);
            if (hasSeveralPorts()) {
                handle(id, event, value);
            }
            batch.complete(chain, 0);
        }
    }

    private void handle(long id, int event, int value) {
        if (event == ControlMessages.DEVICE_READY) {
            if (value == 1) {
                ports.forEach(port -> control.post(port.id(), ControlMessages.PORT_ADD, 1));
            }
        } else if (id < ports.size()) {
            ConsolePort port = ports.get((int) id);
            if (event == ControlMessages.PORT_READY) {
                port.ready(value == 1);
                if (value == 1) {
                    introduce(port);
                }
            } else if (event == ControlMessages.PORT_OPEN) {
                port.guestOpen(value == 1);
            }
        }
    }

    private void introduce(ConsolePort port) {
        if (port.isConsole()) {
            control.post(port.id(), ControlMessages.CONSOLE_PORT, 1);
            if (port.columns() > 0) {
                postSize(port);
            }
        } else {
            control.post(port.id(), ControlMessages.PORT_NAME, 1,
                    (port.name() + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        control.post(port.id(), ControlMessages.PORT_OPEN, 1);
    }

    private void postSize(ConsolePort port) {
        byte[] size = {(byte) port.columns(), (byte) (port.columns() >>> 8), (byte) port.rows(),
            (byte) (port.rows() >>> 8)};
        control.post(port.id(), ControlMessages.RESIZE, 0, size);
    }

    void resized(ConsolePort port) {
        if (port.id() == 0) {
            config.set(COLS, 4, port.columns() | (long) port.rows() << 8 * ROWS);
        }
        if (hasSeveralPorts() && port.isReady() && port.isConsole()) {
            postSize(port);
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A buffer is given back before the next one is taken.
    }

    // -------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        features = 0;
        control.reset();
        ports.forEach(ConsolePort::reset);
    }

    @Override
    public Class<ConsoleState> stateType() {
        return ConsoleState.class;
    }

    @Override
    public ConsoleState save() {
        return new ConsoleState(features, ports.stream().map(ConsolePort::save).toList(), control.save());
    }

    @Override
    public void restore(ConsoleState state) {
        if (state.ports().size() != ports.size()
                || state.ports().stream().anyMatch(port -> port.input().length > InputBuffer.CAPACITY)
                || state.control().size() > 8 * ports.size()) {
            throw new FormatException("The saved state of a console has " + state.ports().size()
                    + " ports, the device " + ports.size() + ", or more waits there than fits");
        }
        features = state.features();
        control.restore(state.control());
        for (int i = 0; i < ports.size(); i++) {
            ports.get(i).restore(state.ports().get(i));
        }
        ConsolePort first = console();
        config.set(COLS, 4, first.columns() | (long) first.rows() << 8 * ROWS);
    }

    @Override
    public void close() {
        // Ports hold nothing of the host's.
    }

    @Override
    public String toString() {
        return name();
    }
}
