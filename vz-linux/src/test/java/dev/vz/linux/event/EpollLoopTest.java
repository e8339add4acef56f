package dev.vz.linux.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.OpenDescriptors;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.testing.Allocations;
import dev.vz.testing.Background;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class EpollLoopTest {

    @Test
    void tellsWhoIsReadyAndForWhat() {
        try (var loop = new EpollLoop("test"); var first = EventFd.nonBlocking(); var second = EventFd.nonBlocking()) {
            var seen = new ArrayList<String>();
            loop.register(first.descriptor(), Readiness.IN, (registration, readiness) -> {
                assertThat(registration.descriptor()).isSameAs(first.descriptor());
                assertThat(loop.isLoopThread()).isTrue();
                seen.add("first " + readiness + " " + first.take());
            });
            loop.register(second.descriptor(), Readiness.IN, (registration, readiness) -> {
                seen.add("second " + readiness + " " + second.take());
            });
            assertThat(loop.poll(0)).isZero();
            second.signal();
            assertThat(loop.poll(0)).isEqualTo(1);
            first.signal();
            first.signal();
            second.signal();
            assertThat(loop.poll(0)).isEqualTo(2);
            assertThat(loop.poll(0)).isZero();
            assertThat(seen).containsExactlyInAnyOrder("second 1 1", "first 1 2", "second 1 1");
            assertThat(loop.isLoopThread()).isFalse();
        }
    }

    @Test
    void aLevelIsReportedUntilItIsGoneAndAnEdgeOnce() {
        try (var loop = new EpollLoop("test"); var level = EventFd.nonBlocking(); var edge = EventFd.nonBlocking()) {
            var levels = new AtomicInteger();
            var edges = new AtomicInteger();
            loop.register(level.descriptor(), Readiness.IN, (registration, readiness) -> levels.incrementAndGet());
            loop.register(edge.descriptor(), Readiness.IN | Readiness.EDGE,
                    (registration, readiness) -> edges.incrementAndGet());
            level.signal();
            edge.signal();
            for (int i = 0; i < 3; i++) {
                loop.poll(0);
            }
            assertThat(levels).hasValue(3);
            assertThat(edges).hasValue(1);
            edge.signal();
            loop.poll(0);
            assertThat(edges).hasValue(2);
        }
    }

    @Test
    void oneShotWaitsUntilRearmedAndInterestCanChange() {
        try (var loop = new EpollLoop("test"); var pair = UnixSocket.pair(SocketType.STREAM, true)) {
            var seen = new ArrayList<Integer>();
            var registration = loop.register(pair.first().descriptor(), Readiness.OUT | Readiness.ONE_SHOT,
                    (which, readiness) -> seen.add(readiness));
            loop.poll(0);
            loop.poll(0);
            registration.rearm();
            loop.poll(0);
            assertThat(seen).containsExactly(Readiness.OUT, Readiness.OUT);
            registration.modify(Readiness.IN | Readiness.READ_HANG_UP);
            assertThat(registration.interest()).isEqualTo(Readiness.IN | Readiness.READ_HANG_UP);
            loop.poll(0);
            assertThat(seen).hasSize(2);
            pair.second().shutdown(UnixSocket.Half.WRITE);
            loop.poll(0);
            assertThat(seen).hasSize(3).last().isEqualTo(Readiness.IN | Readiness.READ_HANG_UP);
            pair.second().close();
            loop.poll(0);
            assertThat(seen.get(3) & Readiness.HANG_UP).isNotZero();
        }
    }

    @Test
    void aWakeUpEndsTheWaitAndIsRemembered() throws Exception {
        try (var loop = new EpollLoop("test")) {
            loop.wake();
            loop.wake();
            assertThat(loop.poll(-1)).isZero();
            assertThat(loop.poll(0)).isZero();
            var waiting = Background.call(() -> loop.poll(-1));
            while (!waiting.isDone()) {
                loop.wake();
                Thread.sleep(1);
            }
            assertThat(waiting.get()).isZero();
        }
    }

    @Test
    void tasksRunInOrderOnTheLoopsThread() throws Exception {
        var seen = Collections.synchronizedList(new ArrayList<Integer>());
        var done = new CountDownLatch(1000);
        try (var loop = new EpollLoop("task-loop")) {
            Thread thread = loop.start();
            for (int i = 0; i < 1000; i++) {
                int number = i;
                loop.execute(() -> {
                    if (Thread.currentThread() == thread && loop.isLoopThread()) {
                        seen.add(number);
                    }
                    done.countDown();
                });
            }
            assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(thread.getName()).isEqualTo("task-loop");
        }
        assertThat(seen).hasSize(1000).isSorted();
    }

    @Test
    void whatIsLeftForAnIdleMomentComesAfterTheEventsThatAreThere() {
        try (var loop = new EpollLoop("test"); var first = EventFd.nonBlocking(); var second = EventFd.nonBlocking()) {
            var seen = new ArrayList<String>();
            for (EventFd event : List.of(first, second)) {
                event.signal();
                loop.register(event.descriptor(), Readiness.IN, (registration, readiness) -> {
                    event.take();
                    seen.add("event");
                    loop.executeWhenIdle(() -> seen.add("left " + loop.isLoopThread()));
                });
            }
            assertThat(loop.poll(0)).isEqualTo(2);
            assertThat(seen).containsExactly("event", "event", "left true", "left true");
            loop.executeWhenIdle(() -> seen.add("from outside"));
            loop.poll(-1);
            assertThat(seen).endsWith("left true", "from outside");
        }
    }

    @Test
    void aLoopThatNeverRestsGetsToWhatIsLeftAllTheSame() throws Exception {
        try (var loop = new EpollLoop("test"); var event = EventFd.nonBlocking()) {
            var rounds = new AtomicInteger();
            var done = new CompletableFuture<Integer>();
            event.signal(); // and nobody takes it
            loop.register(event.descriptor(), Readiness.IN, (registration, readiness) -> {
                if (rounds.incrementAndGet() == 1) {
                    loop.executeWhenIdle(() -> done.complete(rounds.get()));
                }
            });
            loop.start();
            assertThat(done.get(60, TimeUnit.SECONDS)).isBetween(2, 100);
        }
    }

    @Test
    void nothingIsLeftWhenTheLoopSleeps() throws Exception {
        var failures = new CompletableFuture<Throwable>();
        try (var loop = new EpollLoop("test", 1, (registration, failure) -> failures.complete(failure))) {
            var done = new CompletableFuture<String>();
            loop.start();
            loop.execute(() -> {
                loop.executeWhenIdle(() -> {
                    throw new IllegalStateException("one of two");
                });
                loop.executeWhenIdle(() -> loop.executeWhenIdle(() -> done.complete("asleep now")));
            });
            assertThat(done.get(60, TimeUnit.SECONDS)).isEqualTo("asleep now");
            assertThat(failures.get(60, TimeUnit.SECONDS)).hasMessage("one of two");
        }
    }

    @Test
    void whatIsForgottenIsReportedNoMoreAndLeavesWithItsDescriptor() {
        try (var loop = new EpollLoop("test"); var other = EventFd.nonBlocking()) {
            var seen = new AtomicInteger();
            var event = EventFd.nonBlocking();
            var registration = loop.register(event.descriptor(), Readiness.IN | Readiness.EDGE,
                    (which, readiness) -> seen.incrementAndGet());
            registration.forget();
            registration.forget();
            event.signal();
            assertThat(loop.poll(0)).isZero();
            event.close();
            registration.cancel();
            try (var next = EventFd.nonBlocking()) { // under the number that has become free
                loop.register(next.descriptor(), Readiness.IN, (which, readiness) -> seen.addAndGet(10));
                loop.register(other.descriptor(), Readiness.IN, (which, readiness) -> seen.addAndGet(100));
                next.signal();
                assertThat(loop.poll(0)).isOne();
            }
            assertThat(seen).hasValue(10);
        }
    }

    @Test
    void whatAHandlerThrowsIsReportedAndTheHandlerCancelled() {
        var failures = new ArrayList<String>();
        try (var loop = new EpollLoop("test", 4, (registration, failure) -> failures.add(
                (registration == null ? "task" : registration.toString()) + ": " + failure.getMessage()));
                var broken = EventFd.nonBlocking();
                var sound = EventFd.nonBlocking()) {
            var handled = new AtomicInteger();
            loop.register(broken.descriptor(), Readiness.IN, (registration, readiness) -> {
                throw new IllegalStateException("broken handler");
            });
            loop.register(sound.descriptor(), Readiness.IN, (registration, readiness) -> handled.incrementAndGet());
            broken.signal();
            sound.signal();
            loop.execute(() -> {
                throw new AssertionError("broken task");
            });
            loop.poll(0);
            loop.poll(0);
            assertThat(handled).hasValue(2);
            assertThat(failures).containsExactlyInAnyOrder(broken.descriptor() + " in event loop test: broken handler",
                    "task: broken task");
        }
    }

    @Test
    void anEventOfTheSameBatchIsDroppedWhenItsRegistrationIsCancelled() {
        try (var loop = new EpollLoop("test"); var arena = Arena.ofConfined()) {
            List<EventFd> events = new ArrayList<>();
            List<EpollLoop.Registration> registrations = new ArrayList<>();
            var handled = new AtomicInteger();
            for (int i = 0; i < 8; i++) {
                var event = EventFd.nonBlocking();
                events.add(event);
                registrations.add(loop.register(event.descriptor(), Readiness.IN, (which, readiness) -> {
                    handled.incrementAndGet();
                    // Cancels everyone, and gives a freed slot away at once, to a descriptor that is not ready.
                    registrations.forEach(EpollLoop.Registration::cancel);
                    loop.register(events.get(7).descriptor(), Readiness.PRIORITY,
                            (other, bits) -> handled.addAndGet(100));
                }));
                event.signal();
            }
            assertThat(loop.poll(0)).isEqualTo(1);
            assertThat(loop.poll(0)).isZero();
            assertThat(handled).hasValue(1);
            assertThat(arena.scope().isAlive()).isTrue();
            events.forEach(EventFd::close);
        }
    }

    @Test
    void afterCancelFromAnotherThreadTheHandlerRunsNoMore() throws Exception {
        try (var loop = new EpollLoop("test")) {
            loop.start();
            for (int round = 0; round < 300; round++) {
                try (var event = EventFd.nonBlocking()) {
                    var inside = new AtomicInteger();
                    var ended = new java.util.concurrent.atomic.AtomicBoolean();
                    var after = new AtomicInteger();
                    var registration = loop.register(event.descriptor(), Readiness.IN, (which, readiness) -> {
                        inside.incrementAndGet();
                        if (ended.get()) {
                            after.incrementAndGet();
                        }
                        Thread.onSpinWait();
                        inside.decrementAndGet();
                    });
                    event.signal();
                    registration.cancel();
                    ended.set(true);
                    assertThat(inside).hasValue(0);
                    registration.cancel();
                    assertThat(after).hasValue(0);
                }
            }
        }
    }

    @Test
    void registeringAndCancellingFromManyThreadsLosesNothing() throws Exception {
        try (var loop = new EpollLoop("test"); var pool = java.util.concurrent.Executors.newFixedThreadPool(4)) {
            loop.start();
            var tasks = new ArrayList<java.util.concurrent.Future<?>>();
            for (int worker = 0; worker < 4; worker++) {
                tasks.add(pool.submit(() -> {
                    for (int i = 0; i < 200; i++) {
                        try (var event = EventFd.nonBlocking()) {
                            var arrived = new CountDownLatch(1);
                            try (var registration = loop.register(event.descriptor(), Readiness.IN | Readiness.EDGE,
                                    (which, readiness) -> arrived.countDown())) {
                                event.signal();
                                assertThat(arrived.await(60, TimeUnit.SECONDS)).isTrue();
                                assertThat(registration.descriptor()).isSameAs(event.descriptor());
                            }
                        }
                    }
                    return null;
                }));
            }
            for (var task : tasks) {
                task.get();
            }
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new EpollLoop("test", 0, (registration, failure) -> {}))
                .isInstanceOf(ConfigurationException.class);
        try (var event = EventFd.nonBlocking(); var file = MemoryFile.create("regular", 1)) {
            var loop = new EpollLoop("test");
            var registration = loop.register(event.descriptor(), Readiness.IN, (which, readiness) -> {});
            assertThatThrownBy(() -> loop.register(event.descriptor(), Readiness.IN, (which, readiness) -> {}))
                    .isInstanceOf(HostException.class).hasMessageContaining("EEXIST")
                    .hasMessageContaining("event loop test");
            assertThatThrownBy(() -> loop.register(file.descriptor(), Readiness.IN, (which, readiness) -> {}))
                    .isInstanceOf(HostException.class).hasMessageContaining("EPERM");
            registration.cancel();
            assertThatThrownBy(registration::rearm).isInstanceOf(LifecycleException.class);
            loop.close();
            loop.close();
            loop.wake();
            assertThatThrownBy(() -> loop.poll(0)).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(() -> loop.register(event.descriptor(), Readiness.IN, (which, readiness) -> {}))
                    .isInstanceOf(LifecycleException.class);
        }
    }

    @Test
    void onlyOneThreadPolls() {
        try (var loop = new EpollLoop("test")) {
            var refused = new CompletableFuture<Throwable>();
            loop.execute(() -> {
                try {
                    loop.poll(0);
                } catch (LifecycleException expected) {
                    refused.complete(expected);
                }
            });
            loop.poll(0);
            assertThat(refused).isCompletedWithValueMatching(failure -> failure.getMessage().contains("polled by"));
        }
    }

    @Test
    void closingFromAHandlerEndsTheLoopAfterIt() throws Exception {
        var loop = new EpollLoop("test");
        Thread thread = loop.start();
        loop.execute(loop::close);
        thread.join(60_000);
        assertThat(thread.isAlive()).isFalse();
        assertThatThrownBy(() -> loop.poll(0)).isInstanceOf(LifecycleException.class);
        loop.close();
    }

    @Test
    @Tag("allocation")
    void anEventAllocatesNothing() {
        try (var loop = new EpollLoop("test"); var event = EventFd.nonBlocking()) {
            loop.register(event.descriptor(), Readiness.IN, (registration, readiness) -> event.take());
            assertThat(Allocations.perCall(20_000, () -> {
                event.signal();
                if (loop.poll(0) != 1) {
                    throw new AssertionError("the event was lost");
                }
                loop.wake();
                loop.poll(0);
            })).isZero();
        }
    }

    @Test
    void leavesNothingOpen() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var loop = new EpollLoop("cycle"); var event = EventFd.nonBlocking()) {
                loop.register(event.descriptor(), Readiness.IN, (registration, readiness) -> event.take());
                loop.start();
                event.signal();
            }
        });
    }
}
