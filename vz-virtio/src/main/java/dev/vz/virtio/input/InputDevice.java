package dev.vz.virtio.input;

import dev.vz.display.InputSink;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A keyboard or a tablet (virtio 1.3, 5.8). As a sink it takes what concerns it and passes over the rest, so that one
 * screen can give everything to both.
 */
public final class InputDevice implements VirtioDevice<InputState>, InputSink {

    /** The device's type. */
    public static final int TYPE = 18;

    private static final int QUEUE_SIZE = 64;
    private static final int SELECT = 0;
    private static final int SIZE = 2;
    private static final int CONTENT = 8;
    private static final int CONTENT_BYTES = 128;
    private static final int EVENT = 8;
    /** Events that wait for a buffer. */
    private static final int MOST_EVENTS = 512;
    private static final int MOST_IN_GROUP = 8;
    private static final int LED_COUNT = 3;

    private final InputKind kind;
    private final ConfigSpace config = new ConfigSpace(new byte[CONTENT + CONTENT_BYTES]).writable(SELECT, 2,
            this::selected);
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainWriter writer = new ChainWriter(chain);
    private final DescriptorChain statusChain = new DescriptorChain();
    private final ChainReader statusReader = new ChainReader(statusChain);
    private final ReentrantLock lock = new ReentrantLock();
    /** Type, code and value of each, from the lowest bit as in {@code struct virtio_input_event}. */
    private final long[] events = new long[MOST_EVENTS];
    private int first;
    private int count;
    private int buttons;
    private int leds;
    private volatile IntConsumer ledListener = lit -> {};
    private volatile @Nullable QueueBatch queue;
    private volatile long features;

    private InputDevice(InputKind kind) {
        this.kind = kind;
    }

    /** A keyboard with the keys and lights of the Linux input layer. */
    public static InputDevice keyboard() {
        return new InputDevice(InputKind.KEYBOARD);
    }

    /** A pointer that says where it is, with three buttons and a wheel. */
    public static InputDevice tablet() {
        return new InputDevice(InputKind.TABLET);
    }

    /** Tells {@code listener} which lights the guest has on: bit 0 num lock, bit 1 caps lock, bit 2 scroll lock. */
    public void onLeds(IntConsumer listener) {
        ledListener = listener;
    }

    // ----------------------------------------------------------------------------------------------- the person

    @Override
    public void key(int code, boolean down) {
        if (kind == InputKind.KEYBOARD && code > 0 && code < InputKind.LAST_KEY) {
            group(() -> put(InputKind.EV_KEY, code, down ? 1 : 0));
        }
    }

    @Override
    public void pointer(int x, int y, int width, int height, int pressed) {
        if (kind != InputKind.TABLET || width < 1 || height < 1) {
            return;
        }
        group(() -> {
            put(InputKind.EV_ABS, InputKind.ABS_X, scaled(x, width));
            put(InputKind.EV_ABS, InputKind.ABS_Y, scaled(y, height));
            button(pressed, 1, InputKind.BTN_LEFT);
            button(pressed, 2, InputKind.BTN_MIDDLE);
            button(pressed, 4, InputKind.BTN_RIGHT);
        });
    }

    private static int scaled(int position, int length) {
        return length == 1 ? 0
                : (int) ((long) Math.clamp(position, 0, length - 1) * InputKind.ABS_MAX / (length - 1));
    }

    private void button(int pressed, int bit, int code) {
        if (((pressed ^ buttons) & bit) != 0) {
            put(InputKind.EV_KEY, code, (pressed & bit) != 0 ? 1 : 0);
            buttons ^= bit;
        }
    }

    @Override
    public void wheel(int horizontal, int vertical) {
        if (kind == InputKind.TABLET && (horizontal != 0 || vertical != 0)) {
            group(() -> {
                if (horizontal != 0) {
                    put(InputKind.EV_REL, InputKind.REL_HWHEEL, horizontal);
                }
                if (vertical != 0) {
                    put(InputKind.EV_REL, InputKind.REL_WHEEL, vertical);
                }
            });
        }
    }

    /** A group of events belongs together: it goes to the guest as a whole or not at all. */
    private void group(Runnable puts) {
        lock.lock();
        try {
            if (features == 0 || count + MOST_IN_GROUP > MOST_EVENTS) {
                return;
            }
            puts.run();
            put(InputKind.EV_SYN, 0, 0);
        } finally {
            lock.unlock();
        }
        QueueBatch batch = queue;
        if (batch != null) {
            batch.wake();
        }
    }

    private void put(int type, int code, int value) {
        events[(first + count) % MOST_EVENTS] = type | (long) code << 16 | (long) value << 32;
        count++;
    }

    // --------------------------------------------------------------------------------------------------- device

    private void selected(int offset, long value) {
        byte[] answer = kind.answer((int) value & 0xFF, (int) (value >>> 8) & 0xFF);
        var content = new byte[CONTENT - SIZE + CONTENT_BYTES];
        content[0] = (byte) Math.min(answer.length, CONTENT_BYTES);
        System.arraycopy(answer, 0, content, CONTENT - SIZE, Math.min(answer.length, CONTENT_BYTES));
        config.answer(SIZE, content);
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-input";
    }

    @Override
    public long features() {
        return 0;
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    @Override
    public int queues() {
        return 2;
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

    @Override
    public void process(QueueBatch batch) {
        if (batch.queue() == 0) {
            queue = batch;
            lock.lock();
            try {
                give(batch);
            } finally {
                lock.unlock();
            }
        } else {
            status(batch);
        }
    }

    private void give(QueueBatch batch) {
        while (count > 0 && batch.next(chain)) {
            writer.reset(chain);
            if (chain.readableBytes() > 0 || !writer.writeLittleEndian(EVENT, events[first])) {
                batch.fault("an event buffer has " + chain.readableBytes() + " bytes to read and "
                        + chain.writableBytes() + " to write; 0 and 8 are needed (5.8.6)");
                return;
            }
            first = (first + 1) % MOST_EVENTS;
            count--;
            batch.complete(chain, EVENT);
        }
    }

    private void status(QueueBatch batch) {
        while (batch.next(statusChain)) {
            statusReader.reset(statusChain);
            if (statusReader.remaining() < EVENT) {
                batch.fault("a status event has " + statusReader.remaining() + " bytes; 8 are needed (5.8.6)");
                return;
            }
            int type = (int) statusReader.readLittleEndian(2);
            int code = (int) statusReader.readLittleEndian(2);
            boolean on = statusReader.readLittleEndian(4) != 0;
            if (kind == InputKind.KEYBOARD && type == InputKind.EV_LED && code < LED_COUNT) {
                leds = on ? leds | 1 << code : leds & ~(1 << code);
                ledListener.accept(leds);
            }
            batch.complete(statusChain, 0);
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A buffer is given back before the next one is taken.
    }

    @Override
    public void reset() {
        lock.lock();
        try {
            features = 0;
            queue = null;
            first = 0;
            count = 0;
            buttons = 0;
        } finally {
            lock.unlock();
        }
        leds = 0;
        config.write(SELECT, 2, 0);
    }

    @Override
    public Class<InputState> stateType() {
        return InputState.class;
    }

    @Override
    public InputState save() {
        return new InputState(features, (int) config.read(SELECT, 1), (int) config.read(SELECT + 1, 1));
    }

    @Override
    public void restore(InputState state) {
        features = state.features();
        config.write(SELECT, 2, state.select() & 0xFF | (state.subsel() & 0xFF) << 8);
    }

    @Override
    public void close() {
        // Nothing is held.
    }

    @Override
    public String toString() {
        return name() + (kind == InputKind.KEYBOARD ? " keyboard" : " tablet");
    }
}
