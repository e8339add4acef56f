package dev.vz.samples.cli.console;

import dev.vz.machine.serial.Uart16550;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Types into a guest's serial port: keeps what the port has no room for yet, on a thread of its own, so that whoever reads
 * the keyboard never waits for the guest. Thread-safe.
 */
public final class GuestInput implements AutoCloseable {

    /** More than anybody types ahead, less than a guest that does not read could make the host keep. */
    private static final int TYPE_AHEAD = 4096;

    private static final long LOOK_AGAIN_MILLISECONDS = 100;

    private final Uart16550 port;
    private final BlockingQueue<Byte> typed = new ArrayBlockingQueue<>(TYPE_AHEAD);
    private final Semaphore receiverReady = new Semaphore(0);
    private final Semaphore requestToSend;
    private final Thread feeder;

    /**
     * Starts to type into {@code port}.
     *
     * @param waitForDriver whether to hold everything back until the guest's driver has opened the port: opening empties
     *                      the port's FIFO, so what was typed before would be lost
     */
    public GuestInput(Uart16550 port, boolean waitForDriver) {
        this.port = port;
        this.requestToSend = new Semaphore(waitForDriver ? 0 : 1);
        feeder = Thread.ofPlatform().daemon().name("vz-input").start(this::feed);
    }

    /** Types {@code value}; drops it if the guest has not read the last 4096 bytes. */
    public void type(byte value) {
        typed.offer(value);
    }

    /** Types {@code value}; waits while the guest has not read the last 4096 bytes, until this is closed. */
    public void typeOrWait(byte value) throws InterruptedException {
        while (feeder.isAlive() && !typed.offer(value, LOOK_AGAIN_MILLISECONDS, TimeUnit.MILLISECONDS)) {
            Thread.onSpinWait();
        }
    }

    /** The port has room again. Does not wait. */
    public void receiverReady() {
        receiverReady.release();
    }

    /** The guest drives the port's RTS output: a driver raises it when it has opened the port. Does not wait. */
    public void requestToSend(boolean on) {
        if (on && requestToSend.availablePermits() == 0) {
            requestToSend.release();
        }
    }

    private void feed() {
        try {
            requestToSend.acquire();
            while (true) {
                byte value = typed.take();
                while (!port.receive(value & 0xFF)) {
                    receiverReady.acquire();
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops typing; what the guest has not read is lost. */
    @Override
    public void close() {
        feeder.interrupt();
        boolean interrupted = false;
        while (feeder.isAlive()) {
            try {
                feeder.join();
            } catch (InterruptedException again) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
