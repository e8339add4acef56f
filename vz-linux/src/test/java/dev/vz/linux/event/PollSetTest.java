package dev.vz.linux.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.thread.NativeThread;
import dev.vz.linux.thread.SignalSet;
import dev.vz.linux.thread.Signals;
import dev.vz.testing.Allocations;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class PollSetTest {

    @Test
    void tellsWhoIsReady() {
        try (var first = EventFd.nonBlocking(); var second = EventFd.nonBlocking()) {
            var set = new PollSet(3);
            int a = set.add(first.descriptor(), Readiness.IN);
            int b = set.add(second.descriptor(), Readiness.IN | Readiness.OUT);
            assertThat(set.poll(0)).isEqualTo(1);
            assertThat(set.ready(a)).isZero();
            assertThat(set.ready(b)).isEqualTo(Readiness.OUT);
            first.signal();
            second.signal();
            assertThat(set.poll(-1)).isEqualTo(2);
            assertThat(set.ready(a)).isEqualTo(Readiness.IN);
            assertThat(set.ready(b)).isEqualTo(Readiness.IN | Readiness.OUT);
            set.interest(b, 0);
            first.take();
            long start = System.nanoTime();
            assertThat(set.poll(TimeUnit.MILLISECONDS.toNanos(20))).isZero();
            assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    @Test
    void waitingReplacesTheSignalMaskAndBringsItBack() throws Exception {
        int signal = Signals.realTime(5);
        var waited = new FutureTask<>(() -> {
            try (var event = EventFd.nonBlocking()) {
                var set = new PollSet(1);
                set.add(event.descriptor(), Readiness.IN);
                SignalSet before = Signals.block(SignalSet.of(signal));
                Signals.send(NativeThread.id(), signal);
                // The signal stays blocked while waiting, or its default action would end the JVM.
                assertThat(set.poll(1_000_000, before.with(signal))).isZero();
                assertThat(Signals.blocked()).isEqualTo(before.with(signal));
                return Signals.consume(SignalSet.of(signal));
            }
        });
        Thread.ofPlatform().start(waited);
        assertThat(waited.get()).isEqualTo(signal);
    }

    @Test
    void refusesWhatCannotBe() {
        var event = EventFd.nonBlocking();
        var set = new PollSet(1);
        assertThatThrownBy(() -> new PollSet(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> set.add(event.descriptor(), Readiness.EDGE))
                .isInstanceOf(ConfigurationException.class);
        set.add(event.descriptor(), Readiness.IN);
        assertThatThrownBy(() -> set.add(event.descriptor(), Readiness.IN)).hasMessageContaining("full");
        assertThatThrownBy(() -> set.ready(1)).isInstanceOf(IndexOutOfBoundsException.class);
        event.close();
        assertThatThrownBy(() -> set.poll(0)).isInstanceOf(LifecycleException.class);
    }

    @Test
    @Tag("allocation")
    void waitingAllocatesNothing() {
        try (var event = EventFd.nonBlocking()) {
            var set = new PollSet(1);
            set.add(event.descriptor(), Readiness.IN);
            event.signal();
            assertThat(Allocations.perCall(20_000, () -> {
                if (set.poll(0) != 1) {
                    throw new AssertionError("the event is there");
                }
            })).isZero();
        }
    }
}
