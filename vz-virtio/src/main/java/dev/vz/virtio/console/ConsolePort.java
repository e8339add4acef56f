package dev.vz.virtio.console;

import dev.vz.error.ConfigurationException;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One port of a console, from the host's side: a stream of bytes both ways. Any thread may call; two writers at a time
 * mix their bytes.
 */
public final class ConsolePort {

    private final ConsoleDevice device;
    private final int id;
    private final String name;
    private final boolean isConsole;
    private final InputBuffer input = new InputBuffer();
    private final DescriptorChain inputChain = new DescriptorChain();
    private final ChainWriter writer = new ChainWriter(inputChain);
    private final DescriptorChain outputChain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(outputChain);
    private volatile ConsoleOutput output = (segment, offset, length) -> {};
    private volatile PortListener listener = PortListener.NONE;
    private volatile @Nullable QueueBatch inputQueue;
    private volatile boolean guestOpen;
    private volatile boolean ready;
    private volatile int columns;
    private volatile int rows;

    ConsolePort(ConsoleDevice device, int id, String name, boolean isConsole) {
        this.device = device;
        this.id = id;
        this.name = name;
        this.isConsole = isConsole;
    }

    /** Its number, 0 for the first. */
    public int id() {
        return id;
    }

    /** What the guest calls it: {@code /dev/virtio-ports/NAME}; empty for a console. */
    public String name() {
        return name;
    }

    /** Whether the guest makes a terminal of it. */
    public boolean isConsole() {
        return isConsole;
    }

    /** Whether a program of the guest has it open. A console always is. */
    public boolean isGuestOpen() {
        return guestOpen || isConsole || !device.hasSeveralPorts();
    }

    /** Gives everything that the guest writes to {@code output} from now on. */
    public void onOutput(ConsoleOutput output) {
        this.output = Objects.requireNonNull(output);
    }

    /** Tells {@code listener} what the guest does from now on. */
    public void listen(PortListener listener) {
        this.listener = Objects.requireNonNull(listener);
    }

    /**
     * Sends bytes to the guest, the first of them, as many as there is room for: up to 64 KiB wait for the guest.
     *
     * @return how many were taken; after fewer than all, {@link PortListener#writable} tells when to go on
     */
    public int write(byte[] bytes, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        int taken = input.put(bytes, offset, length);
        QueueBatch queue = inputQueue;
        if (queue != null) {
            queue.wake();
        }
        return taken;
    }

    /** The terminal has this many columns and rows now, 1 to 65535 of each. */
    public void resize(int columns, int rows) {
        if (columns < 1 || columns > 0xFFFF || rows < 1 || rows > 0xFFFF) {
            throw new ConfigurationException("A terminal has 1 to 65535 columns and rows, not " + columns + " and "
                    + rows);
        }
        this.columns = columns;
        this.rows = rows;
        device.resized(this);
    }

    int columns() {
        return columns;
    }

    int rows() {
        return rows;
    }

    boolean isReady() {
        return ready;
    }

    void ready(boolean known) {
        ready = known;
    }

    void guestOpen(boolean open) {
        guestOpen = open;
        listener.opened(open);
        QueueBatch queue = inputQueue;
        if (open && queue != null) {
            queue.wake();
        }
    }

    void processInput(QueueBatch batch) {
        inputQueue = batch;
        while (isGuestOpen() && !input.isEmpty() && batch.next(inputChain)) {
            if (inputChain.readableBytes() > 0) {
                batch.fault("an input buffer of port " + id + " has " + inputChain.readableBytes()
                        + " bytes to read (5.3.6)");
                return;
            }
            writer.reset(inputChain);
            batch.complete(inputChain, input.moveTo(writer));
        }
        if (input.takeRefusal()) {
            listener.writable();
        }
    }

    void processOutput(QueueBatch batch) {
        while (batch.next(outputChain)) {
            if (outputChain.writableBytes() > 0) {
                batch.fault("an output buffer of port " + id + " has " + outputChain.writableBytes()
                        + " bytes to write (5.3.6)");
                return;
            }
            reader.reset(outputChain);
            while (reader.remaining() > 0) {
                int here = reader.contiguous();
                output.write(reader.segment(), reader.offset(), here);
                reader.skip(here);
            }
            batch.complete(outputChain, 0);
        }
    }

    void reset() {
        guestOpen = false;
        ready = false;
        inputQueue = null;
        input.clear();
    }

    PortState save() {
        return new PortState(guestOpen, ready, input.content(), columns, rows);
    }

    void restore(PortState state) {
        guestOpen = state.guestOpen();
        ready = state.ready();
        input.clear();
        input.put(state.input(), 0, state.input().length);
        columns = state.columns();
        rows = state.rows();
    }

    @Override
    public String toString() {
        return "port " + id + (name.isEmpty() ? "" : " \"" + name + "\"");
    }
}
