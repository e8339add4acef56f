package dev.vz.linux.thread;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

class NativeThreadTest {

    @Test
    void theIdIsTheKernels() throws Exception {
        onPlatformThread(() -> {
            Path itself = Path.of("/proc/thread-self").toRealPath();
            assertThat(itself.getFileName()).hasToString(Integer.toString(NativeThread.id()));
        });
    }

    @Test
    void theNameIsCutToFifteenBytes() throws Exception {
        onPlatformThread(() -> {
            NativeThread.setName("vcpu 0 of machine");
            assertThat(NativeThread.name()).isEqualTo("vcpu 0 of machi");
            assertThat(Files.readString(Path.of("/proc/thread-self/comm"))).isEqualTo("vcpu 0 of machi\n");
            NativeThread.setName("");
            assertThat(NativeThread.name()).isEmpty();
        });
    }

    @Test
    void affinityAndNiceAreTheThreadsOwn() throws Exception {
        BitSet all = NativeThread.affinity(0);
        assertThat(all.cardinality()).isEqualTo(Runtime.getRuntime().availableProcessors());
        onPlatformThread(() -> {
            var one = new BitSet();
            one.set(all.nextSetBit(0));
            NativeThread.setAffinity(NativeThread.id(), one);
            assertThat(NativeThread.affinity(0)).isEqualTo(one);
            NativeThread.setNice(0, 7);
            String[] columns = Files.readString(Path.of("/proc/thread-self/stat")).replaceAll("^.*\\) ", "").split(" ");
            assertThat(columns[16]).as("nice of proc(5)").isEqualTo("7");
        });
        assertThat(NativeThread.affinity(0)).isEqualTo(all);
    }

    @Test
    void impossibleSettingsAreRefused() {
        assertThatThrownBy(() -> NativeThread.setNice(0, 20)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> NativeThread.setAffinity(0, new BitSet())).isInstanceOf(HostException.class)
                .hasMessageContaining("EINVAL");
        var far = new BitSet();
        far.set(NativeThread.MAXIMUM_PROCESSORS);
        assertThatThrownBy(() -> NativeThread.setAffinity(0, far)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> NativeThread.affinity(Integer.MAX_VALUE)).isInstanceOf(HostException.class)
                .hasMessageContaining("ESRCH");
    }

    @Test
    void aVirtualThreadHasNoKernelThread() throws Exception {
        var refused = new FutureTask<>(() -> {
            assertThatThrownBy(NativeThread::id).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("platform thread");
            assertThatThrownBy(() -> Signals.block(SignalSet.of(10))).isInstanceOf(LifecycleException.class);
            return true;
        });
        Thread.ofVirtual().start(refused);
        assertThat(refused.get()).isTrue();
    }

    @Test
    void signalsAreHeldBackPerThreadAndConsumed() throws Exception {
        int signal = Signals.realTime(3);
        SignalSet only = SignalSet.of(signal);
        onPlatformThread(() -> {
            SignalSet before = Signals.block(only);
            assertThat(before.contains(signal)).isFalse();
            assertThat(Signals.blocked()).isEqualTo(before.with(signal));
            assertThat(Signals.consume(only)).isZero();
            assertThat(Signals.send(NativeThread.id(), signal)).isZero();
            assertThat(Signals.send(NativeThread.id(), signal)).isZero();
            assertThat(Signals.consume(only)).isEqualTo(signal);
            assertThat(Signals.consume(only)).as("real-time signals queue").isEqualTo(signal);
            assertThat(Signals.consume(only)).isZero();
            assertThat(Signals.unblock(only)).isEqualTo(before.with(signal));
            assertThat(Signals.setBlocked(before)).isEqualTo(before);
        });
        assertThat(Signals.blocked().contains(signal)).isFalse();
    }

    @Test
    void sendingToAThreadThatEndedSaysSo() throws Exception {
        var id = new CompletableFuture<Integer>();
        Thread thread = Thread.ofPlatform().start(() -> id.complete(NativeThread.id()));
        thread.join();
        // The Java thread has ended; the kernel's goes moments later.
        for (int i = 0; i < 60_000 && Signals.send(id.get(), 0) == 0; i++) {
            Thread.sleep(1);
        }
        assertThat(Signals.send(id.get(), 0)).isEqualTo(-Errno.ESRCH);
        assertThat(Signals.send(NativeThread.id(), 0)).isZero();
    }

    @Test
    void setsOfSignalsAreCheckedAndReadable() {
        var set = SignalSet.of(1, 10, 64);
        assertThat(set).hasToString("signals {1, 10, 64}");
        assertThat(set.without(10)).isEqualTo(SignalSet.of(64, 1));
        assertThat(set.bits()).isEqualTo(1L | 1L << 9 | 1L << 63);
        assertThatThrownBy(() -> SignalSet.of(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> set.contains(65)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Signals.realTime(40)).isInstanceOf(ConfigurationException.class);
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(SignalSet.SIZE);
            set.store(memory);
            assertThat(SignalSet.load(memory)).isEqualTo(set);
        }
    }

    /** A piece of a test. */
    private interface Action {
        void run() throws Exception;
    }

    private static void onPlatformThread(Action action) throws Exception {
        var task = new FutureTask<>(() -> {
            action.run();
            return true;
        });
        Thread.ofPlatform().start(task);
        try {
            assertThat(task.get()).isTrue();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Error error) {
                throw error;
            }
            throw failure;
        }
    }
}
