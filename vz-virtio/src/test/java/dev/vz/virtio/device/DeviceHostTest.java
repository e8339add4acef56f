package dev.vz.virtio.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueConfig;
import dev.vz.virtio.queue.QueueKind;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Status, features and queues as virtio 1.3, 2.1 to 2.6 and 3.1 have them, shown with the entropy device. */
class DeviceHostTest {

    private static TestDriver driver(QueueKind kind) {
        return new TestDriver(new EntropyDevice(new Random(1)), kind.features);
    }

    @ParameterizedTest
    @EnumSource
    void aBufferIsFilledWithRandomBytesAndTheDriverIsInterrupted(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            driver.submit(0, queue, Buffer.writable(0x8000, 64));
            assertThat(queue.complete()).hasValueSatisfying(done -> assertThat(done.written()).isEqualTo(64));
            var expected = new byte[EntropyDevice.MOST];
            new Random(1).nextBytes(expected);
            assertThat(driver.memory.read(0x8000, 64)).isEqualTo(Arrays.copyOf(expected, 64));
            assertThat(driver.memory.read(0x8040, 1)).containsOnly(0);
            assertThat(driver.queueInterrupts).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void moreChainsThanABatchHoldsAreAllAnswered(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver queue = driver.enable(0, 256);
            driver.driverOk();
            for (int i = 0; i < 200; i++) {
                assertThat(queue.submit(List.of(Buffer.writable(0x8000, 8)))).isNotNegative();
            }
            driver.host.notifyQueue(0);
            driver.run();
            for (int i = 0; i < 200; i++) {
                assertThat(queue.complete()).as("chain %d", i).isPresent();
            }
            assertThat(queue.complete()).isEmpty();
        }
    }

    @Test
    void statusBitsOnlyGrowAndZeroResets() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            driver.negotiate(driver.ringFeatures());
            driver.host.writeStatus(DeviceHost.ACKNOWLEDGE);
            assertThat(driver.host.status()).isEqualTo(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER
                    | DeviceHost.FEATURES_OK);
            driver.host.writeStatus(0);
            assertThat(driver.host.status()).isZero();
            assertThat(driver.host.driverFeatures()).isZero();
        }
    }

    @Test
    void featuresThatWereNotOfferedAreRefused() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            assertThat(driver.negotiate(driver.ringFeatures() | 1L << 33) & DeviceHost.FEATURES_OK).isZero();
            driver.host.writeStatus(DeviceHost.DRIVER_OK);
            assertThat(driver.host.status() & DeviceHost.DRIVER_OK).as("not without FEATURES_OK").isZero();
        }
    }

    @Test
    void aDriverOlderThanVirtioOneIsRefused() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            assertThat(driver.negotiate(1L << 28) & DeviceHost.FEATURES_OK).isZero();
        }
    }

    @Test
    void featuresStandOnceTheyAreAgreedOn() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            driver.negotiate(driver.ringFeatures());
            driver.host.writeDriverFeatures(1, 0);
            assertThat(driver.host.driverFeatures()).isEqualTo(driver.ringFeatures());
        }
    }

    @ParameterizedTest
    @EnumSource
    void sizeAndAddressesAreFrozenWhileAQueueIsEnabled(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            driver.host.writeQueue(0, config -> {
                config.setSize(3);
                config.setDescriptorArea(0x123);
            });
            assertThat(driver.host.readQueue(0, QueueConfig::size)).isEqualTo(16);
            driver.submit(0, queue, Buffer.writable(0x8000, 8));
            assertThat(queue.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void afterAResetNothingTouchesTheRings(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            queue.submit(List.of(Buffer.writable(0x8000, 8)));
            driver.host.writeStatus(0);
            driver.host.notifyQueue(0);
            driver.run();
            assertThat(queue.complete()).isEmpty();
            assertThat(driver.queueInterrupts).isZero();
            assertThat(driver.memory.read(0x8000, 8)).containsOnly(0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aQueueIsResetAloneAndSetUpAgain(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver first = driver.start(0);
            driver.host.resetQueue(0);
            assertThat(driver.host.isEnabled(0)).isFalse();
            assertThat(driver.host.status() & DeviceHost.DRIVER_OK).as("the device works on").isNotZero();
            driver.submit(0, first, Buffer.writable(0x8000, 8));
            assertThat(first.complete()).isEmpty();
            QueueDriver again = driver.enable(0, 8);
            driver.submit(0, again, Buffer.writable(0x8000, 8));
            assertThat(again.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBrokenRuleAsksForAResetOnceAndTheResetHeals(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            driver.submit(0, queue, Buffer.writable(0x7FFF_FFFF_0000L, 8));
            driver.submit(0, queue, Buffer.writable(0x8000, 8));
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            assertThat(driver.configInterrupts).isEqualTo(1);
            assertThat(queue.complete()).isEmpty();
            driver.host.writeStatus(0);
            QueueDriver again = driver.start(0);
            driver.submit(0, again, Buffer.writable(0x8000, 8));
            assertThat(again.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEntropyRequestWithBytesToReadIsRefused(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            driver.submit(0, queue, Buffer.readable(0x8000, 8), Buffer.writable(0x9000, 8));
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aQueueThatCannotBeAsksForAReset() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            driver.negotiate(driver.ringFeatures());
            driver.host.writeQueue(0, config -> config.setDescriptorArea(0x1001));
            driver.host.enableQueue(0);
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            driver.driverOk();
            driver.host.notifyQueue(0);
            driver.run();
            driver.host.pause();
            driver.host.resume();
            driver.run();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPausedDeviceDoesNothingAndGoesOnWhereItWas(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(0);
            driver.host.pause();
            driver.submit(0, queue, Buffer.writable(0x8000, 8));
            assertThat(queue.complete()).isEmpty();
            driver.host.resume();
            driver.run();
            assertThat(queue.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSavedDeviceGoesOnInAnotherHost(QueueKind kind) {
        try (TestDriver driver = driver(kind); WorkerLoop loop = WorkerLoop.manual()) {
            QueueDriver queue = driver.start(0);
            for (int i = 0; i < 21; i++) {
                driver.submit(0, queue, Buffer.writable(0x8000, 8));
                assertThat(queue.complete()).isPresent();
            }
            queue.submit(List.of(Buffer.writable(0x8000, 8)));
            driver.host.pause();
            HostState state = driver.host.save();
            try (var other = new DeviceHost(new EntropyDevice(new Random(2)), driver.memory, loop)) {
                other.restore(state);
                while (loop.runOnce()) {
                    // Until it rests.
                }
                assertThat(queue.complete()).isPresent();
                assertThat(queue.complete()).isEmpty();
                assertThat(other.save().status()).isEqualTo(state.status());
            }
        }
    }

    @Test
    void aStateThatCannotBeIsRefused() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            assertThatThrownBy(() -> driver.host.restore(new HostState(DeviceHost.DRIVER_OK, 0, List.of())))
                    .isInstanceOf(FormatException.class).hasMessageContaining("status 0x4");
            assertThatThrownBy(() -> driver.host.restore(new HostState(0, 0, List.of())))
                    .isInstanceOf(FormatException.class).hasMessageContaining("0 queues");
        }
    }

    @Test
    void aQueueThatWasNotifiedEarlyIsNotWorkedOnBeforeTheDeviceKnowsWhatWasAgreedOn() {
        var entropy = new EntropyDevice(new Random(1));
        var calls = new ArrayList<String>();
        var loop = WorkerLoop.manual();
        var noting = (VirtioDevice<?>) Proxy.newProxyInstance(getClass().getClassLoader(),
                new Class<?>[] {VirtioDevice.class}, (proxy, method, arguments) -> {
                    if (List.of("negotiated", "process").contains(method.getName())) {
                        calls.add(method.getName() + " begins");
                        if (method.getName().equals("negotiated")) {
                            loop.runOnce(); // as the queues' thread may at any time
                        }
                    }
                    return method.invoke(entropy, arguments);
                });
        try (TestDriver driver = new TestDriver(memory -> noting, GuestMemory.ofSize(4 << 20), QueueKind.SPLIT.features,
                loop)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver queue = driver.enable(0, 16);
            queue.submit(List.of(Buffer.writable(0x8000, 8)));
            driver.host.notifyQueue(0);
            driver.driverOk();
            assertThat(calls).containsExactly("negotiated begins", "process begins");
            assertThat(queue.complete()).isPresent();
        }
    }

    @Test
    void aChangeOfTheConfigurationHasAnotherGenerationAndAnInterrupt() {
        try (TestDriver driver = driver(QueueKind.SPLIT)) {
            driver.start(0);
            var space = new ConfigSpace(new byte[12]);
            space.onChange(() -> driver.configInterrupts++);
            int before = space.generation();
            space.set(0, 8, 0x1_0000_0001L);
            assertThat(space.generation()).isNotEqualTo(before);
            assertThat(space.read(0, 8)).isEqualTo(0x1_0000_0001L);
            space.set(0, 8, 0x1_0000_0001L);
            assertThat(driver.configInterrupts).as("one change").isEqualTo(1);
            assertThat(space.read(10, 4)).isZero();
            space.write(0, 8, -1);
            assertThat(space.read(0, 8)).as("read-only").isEqualTo(0x1_0000_0001L);
        }
    }

    @Test
    void aStartedLoopAnswersEachRing() throws InterruptedException {
        var answers = new Semaphore(0);
        try (WorkerLoop loop = WorkerLoop.started("test loop")) {
            WorkerLoop.Task task = loop.add(answers::release);
            for (int i = 0; i < 1_000; i++) {
                task.ring();
                assertThat(answers.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
            }
        }
    }
}
