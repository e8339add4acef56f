package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Runs keep out who would touch the state, and the other way round: the kernel would let either wait without end. */
@Timeout(120)
class RunGateTest {

    private final Arena arena = Arena.ofShared();
    private final RunGate gate = new RunGate("vCPU 0", new RunPage(arena.allocate(4096)));

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void aRunThatBeginsWhileTheStateIsReadWaitsForTheReader() throws Exception {
        Thread runner = gate.read(() -> {
            Thread begun = Thread.ofPlatform().start(() -> gate.enter(1));
            pause();
            assertThat(gate.isRunning()).isFalse();
            return begun;
        });
        runner.join();
        assertThat(gate.isRunning()).isTrue();
        assertThatThrownBy(() -> gate.read(() -> 1)).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("is being run");
        assertThatThrownBy(() -> gate.change(() -> {})).isInstanceOf(LifecycleException.class);
    }

    @Test
    void aCloseWaitsForWhoeverChangesTheState() throws Exception {
        var closed = new AtomicBoolean();
        var closer = new Thread(() -> {
            gate.close();
            gate.awaitRequesters();
            closed.set(true);
        });
        gate.change(() -> {
            closer.start();
            pause();
            assertThat(closed).isFalse();
        });
        closer.join();
        assertThat(closed).isTrue();
        assertThatThrownBy(() -> gate.read(() -> 1)).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("is closed");
    }

    @Test
    void theRunnersOwnThreadTouchesTheStateWhileItRuns() {
        gate.enter(1);
        assertThat(gate.<Integer>read(() -> 5)).isEqualTo(5);
        gate.leave();
        assertThat(gate.isRunning()).isFalse();
    }

    @Test
    void aReaderThatFailsHoldsNobodyUp() {
        assertThatThrownBy(() -> gate.change(() -> {
            throw new IllegalStateException("the kernel refuses");
        })).hasMessage("the kernel refuses");
        gate.enter(1);
        gate.leave();
        assertThat(gate.isRunning()).isFalse();
    }

    /** Time for what must not happen. */
    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException interruption) {
            throw new AssertionError(interruption);
        }
    }
}
