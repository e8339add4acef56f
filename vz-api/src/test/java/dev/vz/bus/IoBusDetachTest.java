package dev.vz.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Taking a device off the bus waits for the accesses in flight, and for nothing else. */
@Timeout(120)
class IoBusDetachTest {

    private final IoBus bus = new IoBus("port");

    /** A device whose reads wait until they are let go. */
    private static final class Slow implements BusDevice {
        final CountDownLatch entered;
        final CountDownLatch released = new CountDownLatch(1);

        Slow(int readers) {
            entered = new CountDownLatch(readers);
        }

        @Override
        public long read(long offset, int size) {
            entered.countDown();
            boolean interrupted = false;
            while (true) {
                try {
                    released.await();
                    break;
                } catch (InterruptedException later) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return 0x5A;
        }

        @Override
        public void write(long offset, int size, long value) {
            read(offset, size);
        }
    }

    @Test
    void waitsForAnAccessInFlight() throws Exception {
        var device = new Slow(1);
        IoBus.Attachment attachment = bus.attach(new AddressRange(0, 8), device);
        var value = new AtomicLong();
        Thread reader = Thread.ofPlatform().start(() -> value.set(bus.read(0, 1)));
        device.entered.await();
        var closed = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            attachment.close();
            closed.set(true);
        });
        closer.join(100);
        assertThat(closed).as("closed while the access was in flight").isFalse();
        assertThat(bus.read(0, 1)).as("no new access gets in").isEqualTo(0xFF);
        device.released.countDown();
        closer.join();
        reader.join();
        assertThat(closed).isTrue();
        assertThat(value).as("the access in flight was not cut off").hasValue(0x5A);
    }

    @Test
    void canBeInterruptedAndTriedAgain() throws Exception {
        var device = new Slow(1);
        IoBus.Attachment attachment = bus.attach(new AddressRange(0, 8), device);
        Thread reader = Thread.ofPlatform().start(() -> bus.read(0, 1));
        device.entered.await();
        Thread.currentThread().interrupt();
        assertThatThrownBy(attachment::close).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("in flight").hasMessageContaining("[0x0-0x7]");
        assertThat(Thread.interrupted()).as("the interrupt is still there").isTrue();
        assertThat(bus.attachments()).isEmpty();
        var closed = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            attachment.close();
            closed.set(true);
        });
        closer.join(50);
        assertThat(closed).isFalse();
        device.released.countDown();
        closer.join();
        reader.join();
        assertThat(closed).isTrue();
    }

    @Test
    void letsTwoVcpusInsideOneDeviceDetachItAtTheSameTime() throws Exception {
        var together = new CyclicBarrier(2);
        var self = new AtomicReference<IoBus.Attachment>();
        self.set(bus.attach(new AddressRange(0, 1), new BusDevice() {
            @Override
            public long read(long offset, int size) {
                try {
                    together.await(60, TimeUnit.SECONDS);
                } catch (Exception failure) {
                    throw new AssertionError(failure);
                }
                self.get().close();
                return 1;
            }

            @Override
            public void write(long offset, int size, long value) {
                read(offset, size);
            }
        }));
        try (var pool = Executors.newFixedThreadPool(2)) {
            Future<Long> one = pool.submit(() -> bus.read(0, 1));
            Future<Long> two = pool.submit(() -> bus.read(0, 1));
            assertThat(one.get(60, TimeUnit.SECONDS)).isEqualTo(1);
            assertThat(two.get(60, TimeUnit.SECONDS)).isEqualTo(1);
        }
        assertThat(bus.attachments()).isEmpty();
    }

    @Test
    void fromOutsideWaitsAlsoForTheAccessThatDetachesTheDevice() throws Exception {
        var detached = new CountDownLatch(1);
        var goOn = new CountDownLatch(1);
        var self = new AtomicReference<IoBus.Attachment>();
        self.set(bus.attach(new AddressRange(0, 1), new BusDevice() {
            @Override
            public long read(long offset, int size) {
                self.get().close();
                detached.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException failure) {
                    throw new AssertionError(failure);
                }
                return 1;
            }

            @Override
            public void write(long offset, int size, long value) {
                // not written to
            }
        }));
        Thread reader = Thread.ofPlatform().start(() -> bus.read(0, 1));
        detached.await();
        var closed = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            self.get().close();
            closed.set(true);
        });
        closer.join(50);
        assertThat(closed).as("closed while the device was still answering").isFalse();
        goOn.countDown();
        closer.join();
        reader.join();
        assertThat(closed).isTrue();
    }

    @Test
    void neverShowsADeviceAnAccessAfterItWasDetached() throws Exception {
        var stop = new AtomicBoolean();
        var violations = new AtomicInteger();
        var answered = new AtomicLong();
        var stray = new AtomicLong();
        try (var pool = Executors.newFixedThreadPool(3)) {
            for (int t = 0; t < 3; t++) {
                pool.submit(() -> {
                    while (!stop.get()) {
                        if (bus.read(0x64, 1) == 0x21) {
                            answered.incrementAndGet();
                        } else {
                            stray.incrementAndGet();
                        }
                        bus.write(0x64, 1, 3);
                    }
                });
            }
            for (int round = 0; round < 3_000; round++) {
                var gone = new AtomicBoolean();
                IoBus.Attachment attachment = bus.attach(new AddressRange(0x60, 8), new BusDevice() {
                    @Override
                    public long read(long offset, int size) {
                        if (gone.get() || offset != 4) {
                            violations.incrementAndGet();
                        }
                        Thread.onSpinWait();
                        if (gone.get()) {
                            violations.incrementAndGet();
                        }
                        return 0x21;
                    }

                    @Override
                    public void write(long offset, int size, long value) {
                        read(offset, size);
                    }
                });
                if (round % 16 == 0) {
                    Thread.yield();
                }
                attachment.close();
                gone.set(true); // what a device's owner does next: free its memory
            }
            stop.set(true);
        }
        assertThat(violations).hasValue(0);
        assertThat(answered.get() + stray.get()).isPositive();
        assertThat(bus.attachments()).isEmpty();
    }
}
