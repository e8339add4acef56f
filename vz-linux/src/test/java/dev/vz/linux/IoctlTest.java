package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class IoctlTest {

    /** FIONREAD of a pipe or terminal; an eventfd has no ioctls and answers ENOTTY. */
    private static final long FIONREAD = LinuxHeaders.FIONREAD();

    @Test
    void returnsTheErrorNumberNegated() {
        try (var event = EventFd.nonBlocking()) {
            assertThat(Ioctl.call(event.descriptor(), FIONREAD, 0)).isEqualTo(-Errno.ENOTTY);
            try (var arena = Arena.ofConfined()) {
                assertThat(Ioctl.call(event.descriptor(), FIONREAD, arena.allocate(4))).isEqualTo(-Errno.ENOTTY);
            }
        }
    }

    @Test
    void handsAStructureToTheKernel() throws Exception {
        try (var arena = Arena.ofConfined();
                var terminals = FileDescriptor.open(Path.of("/dev/ptmx"), OpenFlag.READ_WRITE)) {
            var number = arena.allocate(ValueLayout.JAVA_INT);
            number.set(ValueLayout.JAVA_INT, 0, -1);
            assertThat(Ioctl.checked("FIONREAD", terminals, FIONREAD, number)).isZero();
            assertThat(number.get(ValueLayout.JAVA_INT, 0)).isZero();
        }
    }

    @Test
    void namesTheRequestAndTheDescriptorWhenTheKernelRefuses() {
        try (var event = EventFd.nonBlocking()) {
            assertThatThrownBy(() -> Ioctl.checked("FIONREAD", event.descriptor(), FIONREAD, 0))
                    .isInstanceOf(HostException.class)
                    .hasMessageMatching("FIONREAD on fd \\d+ \\(eventfd\\) failed: ENOTTY \\(25\\)");
        }
    }

    @Test
    void refusesAClosedDescriptorAndClosedMemory() {
        var event = EventFd.nonBlocking();
        var arena = Arena.ofConfined();
        var gone = arena.allocate(4);
        arena.close();
        assertThatThrownBy(() -> Ioctl.call(event.descriptor(), FIONREAD, gone))
                .isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        event.close();
        assertThatThrownBy(() -> Ioctl.call(event.descriptor(), FIONREAD, 0)).isInstanceOf(LifecycleException.class);
    }

    @Test
    void everyThreadSeesItsOwnErrorNumber() throws Exception {
        try (var event = EventFd.nonBlocking();
                var missing = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.PATH);
                var pool = java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor()) {
            var tasks = new java.util.ArrayList<java.util.concurrent.Future<?>>();
            for (int i = 0; i < 200; i++) {
                boolean even = i % 2 == 0;
                tasks.add(pool.submit(() -> {
                    for (int n = 0; n < 100; n++) {
                        int result = Ioctl.call(even ? event.descriptor() : missing, FIONREAD, 0);
                        assertThat(result).isEqualTo(even ? -Errno.ENOTTY : -Errno.EBADF);
                        Thread.yield();
                    }
                }));
            }
            for (var task : tasks) {
                task.get();
            }
        }
    }

    @Test
    @Tag("allocation")
    void allocatesNothing() {
        try (var event = EventFd.nonBlocking(); var arena = Arena.ofConfined()) {
            var argument = arena.allocate(4);
            assertThat(Allocations.perCall(20_000, () -> {
                if (Ioctl.call(event.descriptor(), FIONREAD, 0) != -Errno.ENOTTY
                        || Ioctl.call(event.descriptor(), FIONREAD, argument) != -Errno.ENOTTY) {
                    throw new AssertionError("an eventfd has no ioctls");
                }
            })).isZero();
        }
    }
}
