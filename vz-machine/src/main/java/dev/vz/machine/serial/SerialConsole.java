package dev.vz.machine.serial;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * A person's seat at a serial port, for programs: keeps what the guest writes, waits for a text, types an answer. Any
 * thread.
 */
public final class SerialConsole implements SerialLine {

    private final Uart16550 port;
    private final int capacity;
    private byte[] output = new byte[4096];
    private int size;
    /** Bytes that were dropped because more than {@link #capacity} came. */
    private long dropped;
    private byte[] input = new byte[64];
    private int inputHead;
    private int inputSize;
    private boolean feeding;
    private boolean roomReported;

    private SerialConsole(Uart16550 port, int capacity) {
        this.port = port;
        this.capacity = capacity;
    }

    /** A console connected to {@code port} that keeps the last 4 MiB of output. */
    public static SerialConsole connect(Uart16550 port) {
        var console = new SerialConsole(port, 4 << 20);
        port.connect(console);
        return console;
    }

    @Override
    public synchronized boolean transmit(int value) {
        if (size == output.length) {
            if (size < capacity) {
                output = Arrays.copyOf(output, Math.min(capacity, size * 2));
            } else {
                int half = size / 2;
                System.arraycopy(output, half, output, 0, size - half);
                size -= half;
                dropped += half;
            }
        }
        output[size++] = (byte) value;
        notifyAll();
        return true;
    }

    /** What the guest has written so far, as Latin-1 so that no byte is lost. */
    public synchronized String output() {
        return new String(output, 0, size, StandardCharsets.ISO_8859_1);
    }

    /** The number of bytes that the guest has written, also those that are no longer kept. */
    public synchronized long written() {
        return dropped + size;
    }

    /** Waits until the guest has written {@code text}; {@code false} if it has not within {@code atMost}. */
    public boolean awaitOutput(String text, Duration atMost) throws InterruptedException {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (this) {
            long seen = 0; // looks again only at what is new, less one byte of the text
            while (true) {
                int from = (int) Math.max(0, seen - dropped - wanted.length + 1);
                if (contains(wanted, from)) {
                    return true;
                }
                seen = dropped + size;
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                wait(left / 1_000_000 + 1);
            }
        }
    }

    private boolean contains(byte[] wanted, int from) {
        for (int i = from; i + wanted.length <= size; i++) {
            if (Arrays.equals(output, i, i + wanted.length, wanted, 0, wanted.length)) {
                return true;
            }
        }
        return wanted.length == 0;
    }

    /** Types {@code text}. Returns at once; the guest gets it as fast as it reads. */
    public void type(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        synchronized (this) {
            if (inputSize + bytes.length > input.length) {
                input = Arrays.copyOf(input, Math.max(input.length * 2, inputSize + bytes.length));
            }
            if (inputHead > 0) {
                System.arraycopy(input, inputHead, input, 0, inputSize);
                inputHead = 0;
            }
            System.arraycopy(bytes, 0, input, inputSize, bytes.length);
            inputSize += bytes.length;
        }
        feed();
    }

    @Override
    public void receiverReady() {
        // Called with the port's lock held; the bytes go in on another thread, which must not wait for this one.
        synchronized (this) {
            roomReported = true;
            if (inputSize == 0) {
                return;
            }
        }
        Thread.ofVirtual().name("vz-serial-input").start(this::feed);
    }

    private void feed() {
        synchronized (this) {
            if (feeding) {
                return;
            }
            feeding = true;
        }
        while (true) {
            int value;
            synchronized (this) {
                if (inputSize == 0) {
                    feeding = false;
                    return;
                }
                value = input[inputHead] & 0xFF;
                roomReported = false;
            }
            // Without this console's lock: the port calls back while it holds its own.
            boolean taken = port.receive(value);
            synchronized (this) {
                if (taken) {
                    inputHead++;
                    inputSize--;
                } else if (!roomReported) {
                    feeding = false;
                    return;
                }
            }
        }
    }
}
