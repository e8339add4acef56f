package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileDescriptorTest {

    @Test
    void namesTheFileAndTheErrorWhenOpeningFails() {
        assertThatThrownBy(() -> FileDescriptor.open(Path.of("/no/such/file"), OpenFlag.READ_WRITE))
                .isInstanceOfSatisfying(HostException.class, failure -> {
                    assertThat(failure.errno()).isEqualTo(Errno.ENOENT);
                    assertThat(failure.errnoName()).isEqualTo("ENOENT");
                }).hasMessage("open [READ_WRITE] on /no/such/file failed: ENOENT (2); it does not exist:"
                        + " check the name, or make it first");
    }

    @Test
    void createsAFileOnlyWhenToldTo(@TempDir Path folder) {
        Path file = folder.resolve("new-ä");
        FileDescriptor.open(file, 0640, OpenFlag.WRITE, OpenFlag.CREATE, OpenFlag.EXCLUSIVE).close();
        assertThat(Files.exists(file)).isTrue();
        assertThatThrownBy(
                () -> FileDescriptor.open(file, 0640, OpenFlag.WRITE, OpenFlag.CREATE, OpenFlag.EXCLUSIVE))
                .hasMessageContaining("EEXIST");
    }

    @Test
    void isClosedOnExec() throws Exception {
        try (var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ); var copy = file.duplicate()) {
            for (var descriptor : new FileDescriptor[] {file, copy}) {
                String flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + descriptor.value())).stream()
                        .filter(line -> line.startsWith("flags:")).findFirst().orElseThrow().split("\\s+")[1];
                assertThat(Integer.parseInt(flags, 8) & 02000000).as("O_CLOEXEC of " + descriptor).isNotZero();
            }
        }
    }

    @Test
    void cannotBeUsedAfterClose() {
        var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
        file.close();
        file.close();
        assertThat(file.isOpen()).isFalse();
        assertThatThrownBy(file::value).isInstanceOf(LifecycleException.class).hasMessageContaining("/dev/null");
        assertThatThrownBy(file::release).isInstanceOf(LifecycleException.class);
    }

    @Test
    void neverClosesANumberThatSomebodyElseWasGiven() throws Exception {
        try (var pool = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < 500; round++) {
                var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
                var start = new CyclicBarrier(4);
                var closers = java.util.stream.IntStream.range(0, 4).mapToObj(i -> pool.submit(() -> {
                    start.await();
                    file.close();
                    // Takes the number that became free; a second close of it would end this one.
                    return FileDescriptor.open(Path.of("/dev/zero"), OpenFlag.READ);
                })).toList();
                for (var closer : closers) {
                    FileDescriptor opened = closer.get();
                    assertThat(Path.of("/proc/self/fd/" + opened.value()).toRealPath()).hasToString("/dev/zero");
                    opened.close();
                }
            }
        }
    }

    @Test
    void releaseGivesTheNumberAway() {
        var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
        int number = file.release();
        file.close();
        try (var again = FileDescriptor.adopt(number, "released")) {
            assertThat(Files.exists(Path.of("/proc/self/fd/" + again.value()))).isTrue();
        }
        assertThat(Files.exists(Path.of("/proc/self/fd/" + number))).isFalse();
    }

    @Test
    void aBorrowedDescriptorStaysOpen() {
        try (var owner = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ)) {
            FileDescriptor.borrow(owner.value(), "view").close();
            assertThat(Files.exists(Path.of("/proc/self/fd/" + owner.value()))).isTrue();
        }
    }

    @Test
    void reportsADescriptorThatSomebodyElseHasClosed() {
        var owner = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
        var thief = FileDescriptor.adopt(owner.value(), "stolen");
        owner.close();
        assertThatThrownBy(thief::close).isInstanceOf(HostException.class).hasMessageContaining("EBADF");
    }

    @Test
    void leavesNothingOpen() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ); var copy = file.duplicate()) {
                assertThat(copy.value()).isNotEqualTo(file.value());
            }
        });
    }
}
