package dev.vz.linux.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenDescriptors;
import dev.vz.linux.OpenFlag;
import dev.vz.testing.Allocations;
import dev.vz.testing.Background;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class EventFdTest {

    @Test
    void addsUpUntilTaken() {
        try (var event = EventFd.nonBlocking()) {
            assertThat(event.take()).isZero();
            event.signal();
            event.signal();
            assertThat(event.tryAdd(40)).isTrue();
            assertThat(event.take()).isEqualTo(42);
            assertThat(event.take()).isZero();
        }
    }

    @Test
    void aSemaphoreIsTakenOneAtATime() {
        try (var event = EventFd.semaphore(2)) {
            assertThat(event.isSemaphore()).isTrue();
            assertThat(event.take()).isEqualTo(1);
            assertThat(event.take()).isEqualTo(1);
            assertThat(event.take()).isZero();
        }
    }

    @Test
    void aFullCounterTakesNoMoreAndStaysAwake() {
        try (var event = EventFd.nonBlocking()) {
            assertThat(event.tryAdd(EventFd.MAXIMUM)).isTrue();
            assertThat(event.tryAdd(1)).isFalse();
            event.signal();
            assertThat(event.take()).isEqualTo(EventFd.MAXIMUM);
        }
    }

    @Test
    void refusesTheOneNumberThatCannotBeAdded() {
        try (var event = EventFd.nonBlocking()) {
            assertThatThrownBy(() -> event.tryAdd(-1L)).isInstanceOf(HostException.class)
                    .hasMessageContaining("EINVAL").hasMessageContaining("eventfd");
        }
    }

    @Test
    void aBlockingCounterWaits() throws Exception {
        try (var event = EventFd.blocking()) {
            var waiter = Background.call(event::take);
            assertThat(waiter).isNotDone();
            event.signal();
            assertThat(waiter.get(60, TimeUnit.SECONDS)).isEqualTo(1);
        }
    }

    @Test
    void anAdoptedDescriptorIsCheckedWhenUsed() {
        try (var event = EventFd.adopt(FileDescriptor.open(Path.of("/proc/self/maps"), OpenFlag.READ))) {
            assertThatThrownBy(event::signal).isInstanceOf(HostException.class).hasMessageContaining("EBADF");
        }
    }

    @Test
    @Tag("allocation")
    void allocatesNothing() {
        try (var event = EventFd.nonBlocking()) {
            assertThat(Allocations.perCall(20_000, () -> {
                event.signal();
                if (event.take() != 1) {
                    throw new AssertionError("one was signalled");
                }
            })).isZero();
        }
    }

    @Test
    void leavesNothingOpen() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            EventFd.nonBlocking().close();
            EventFd.semaphore(1).close();
        });
    }
}
