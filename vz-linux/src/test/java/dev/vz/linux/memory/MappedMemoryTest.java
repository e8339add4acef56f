package dev.vz.linux.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenDescriptors;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.thread.NativeThread;
import dev.vz.testing.Background;
import dev.vz.testing.Peers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappedMemoryTest {

    private static final long PAGE = MappedMemory.PAGE;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    @Test
    void anonymousMemoryIsZeroedAndTakenAsItIsTouched() {
        try (var memory = MappedMemory.map(Mapping.anonymous(64 * PAGE))) {
            assertThat(memory.size()).isEqualTo(64 * PAGE);
            assertThat(memory.residentBytes(0, memory.size())).isZero();
            assertThat(memory.segment().mismatch(MemorySegment.ofArray(new byte[64 * (int) PAGE]))).isEqualTo(-1);
            memory.advise(Advice.DO_NOT_NEED, 0, memory.size());
            memory.segment().set(BYTE, 5 * PAGE, (byte) 1);
            assertThat(memory.residentBytes(0, memory.size())).isEqualTo(PAGE);
            assertThat(memory.residentBytes(5 * PAGE, PAGE)).isEqualTo(PAGE);
        }
    }

    @Test
    void populatedMemoryIsTakenAtOnce() {
        try (var memory = MappedMemory.map(Mapping.anonymous(64 * PAGE).populate())) {
            assertThat(memory.residentBytes(0, memory.size())).isEqualTo(64 * PAGE);
        }
    }

    @Test
    void guardPagesFaultBeforeAndAfter() throws Exception {
        try (var memory = MappedMemory.map(Mapping.anonymous(4 * PAGE).withGuards().named("guarded"));
                var sink = FileDescriptor.open(Path.of("/proc/self/comm"), OpenFlag.WRITE)) {
            // The kernel reports a forbidden page to a system call as EFAULT, where Java code would end the JVM.
            assertThat(FileCalls.writeScratch(sink.value(), memory.address() - 1, 1)).isEqualTo(-Errno.EFAULT);
            assertThat(FileCalls.writeScratch(sink.value(), memory.address() + 4 * PAGE, 1)).isEqualTo(-Errno.EFAULT);
            assertThat(permissionsAt(memory.address() - 1)).isEqualTo("---p");
            assertThat(permissionsAt(memory.address())).isEqualTo("rw-p");
            assertThat(permissionsAt(memory.address() + 4 * PAGE - 1)).isEqualTo("rw-p");
            assertThat(permissionsAt(memory.address() + 4 * PAGE)).isEqualTo("---p");
        }
    }

    @Test
    void closingUnmapsTheMemoryAndItsGuards() throws Exception {
        var memory = MappedMemory.map(Mapping.anonymous(4 * PAGE).withGuards().named("vz-closing"));
        long address = memory.address();
        String guard = mappingAt(address - 1);
        assertThat(guard).contains("---p");
        memory.close();
        memory.close();
        assertThat(memory.isOpen()).isFalse();
        // The JVM may have mapped something else there by now, but hardly with the same bounds.
        assertThat(mappingAt(address - 1)).isNotEqualTo(guard);
        assertThatThrownBy(() -> memory.segment().get(BYTE, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> memory.advise(Advice.NORMAL, 0, PAGE)).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("vz-closing");
    }

    @Test
    void cannotBeUnmappedWhileASystemCallUsesIt() throws Exception {
        try (var event = EventFd.blocking()) {
            var memory = MappedMemory.map(Mapping.anonymous(PAGE));
            var started = new CompletableFuture<Integer>();
            var reader = Background.call(() -> {
                started.complete(NativeThread.id());
                return FileIo.read(event.descriptor(), memory.segment(), 0, 8);
            });
            awaitRead(started.get(60, TimeUnit.SECONDS), event.descriptor());
            assertThatThrownBy(memory::close).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("system call");
            event.signal();
            assertThat(reader.get(60, TimeUnit.SECONDS)).isEqualTo(8);
            memory.close();
            assertThat(memory.isOpen()).isFalse();
        }
    }

    @Test
    void protectionIsTheKernels() throws Exception {
        try (var memory = MappedMemory.map(Mapping.anonymous(4 * PAGE))) {
            memory.protect(Access.READ, 0, PAGE);
            memory.protect(Access.NONE, PAGE, PAGE);
            assertThat(permissionsAt(memory.address())).isEqualTo("r--p");
            assertThat(permissionsAt(memory.address() + PAGE)).isEqualTo("---p");
            memory.protect(Access.READ_WRITE, 0, 2 * PAGE);
            assertThat(permissionsAt(memory.address() + PAGE)).isEqualTo("rw-p");
            memory.segment().set(BYTE, PAGE, (byte) 7);
        }
    }

    @Test
    void readOnlyMemoryRefusesWrites(@TempDir Path folder) throws Exception {
        Path path = Files.write(folder.resolve("data"), new byte[(int) PAGE]);
        try (var file = FileDescriptor.open(path, OpenFlag.READ);
                var memory = MappedMemory.map(Mapping.of(file, 0, PAGE).asReadOnly())) {
            assertThatThrownBy(() -> memory.segment().set(BYTE, 0, (byte) 1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> memory.protect(Access.READ_WRITE, 0, PAGE))
                    .isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void sharedFileMappingsReachTheFileAndPrivateOnesDoNot(@TempDir Path folder) throws Exception {
        Path path = Files.write(folder.resolve("data"), new byte[2 * (int) PAGE]);
        try (var file = FileDescriptor.open(path, OpenFlag.READ_WRITE);
                var shared = MappedMemory.map(Mapping.of(file, PAGE, PAGE));
                var copy = MappedMemory.map(Mapping.of(file, PAGE, PAGE).copyOnWrite())) {
            copy.segment().set(BYTE, 1, (byte) 9);
            shared.segment().set(BYTE, 0, (byte) 5);
            shared.sync(0, PAGE);
            byte[] found = Files.readAllBytes(path);
            assertThat(found[(int) PAGE]).isEqualTo((byte) 5);
            assertThat(found[(int) PAGE + 1]).isZero();
        }
    }

    @Test
    void discardedPagesReadAsZeroWhateverIsBehindThem(@TempDir Path folder) throws Exception {
        byte[] ones = new byte[4 * (int) PAGE];
        java.util.Arrays.fill(ones, (byte) 1);
        Path path = Files.write(folder.resolve("data"), ones);
        try (var file = FileDescriptor.open(path, OpenFlag.READ);
                var memfd = MemoryFile.create("discard", 4 * PAGE);
                var anonymous = MappedMemory.map(Mapping.anonymous(4 * PAGE));
                var shared = MappedMemory.map(memfd.mapping(0));
                var copy = MappedMemory.map(Mapping.of(file, 0, 4 * PAGE).copyOnWrite())) {
            for (var memory : List.of(anonymous, shared, copy)) {
                memory.segment().fill((byte) 2);
                memory.discard(PAGE, 2 * PAGE);
                assertThat(memory.segment().get(BYTE, PAGE - 1)).isEqualTo((byte) 2);
                assertThat(memory.segment().get(BYTE, PAGE)).isZero();
                assertThat(memory.segment().get(BYTE, 3 * PAGE - 1)).isZero();
                assertThat(memory.segment().get(BYTE, 3 * PAGE)).isEqualTo((byte) 2);
                memory.segment().set(BYTE, PAGE, (byte) 3);
            }
        }
    }

    @Test
    void lockedMemoryIsInMemory() throws Exception {
        try (var memory = MappedMemory.map(Mapping.anonymous(8 * PAGE))) {
            memory.lock(0, 8 * PAGE);
            assertThat(memory.residentBytes(0, 8 * PAGE)).isEqualTo(8 * PAGE);
            memory.unlock(0, 8 * PAGE);
        }
    }

    @Test
    void largeMappingsSuitTransparentHugePages() {
        try (var memory = MappedMemory.map(Mapping.anonymous(8 << 20).transparent())) {
            assertThat(memory.address() % (2 << 20)).isZero();
        }
    }

    @Test
    void populatedTransparentMemoryLiesOnHugePages() throws Exception {
        String policy = Files.readString(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"));
        Peers.require(!policy.contains("[never]"), "this host has transparent huge pages switched off");
        try (var memory = MappedMemory.map(Mapping.anonymous(64 << 20).transparent().populate())) {
            assertThat(memory.usage().hugePages()).isPositive();
            assertThat(memory.usage().resident()).isEqualTo(64 << 20);
        }
    }

    @Test
    void explicitHugePagesComeFromThePool() throws Exception {
        Path pool = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");
        Path size = pool.resolve("nr_hugepages");
        Peers.require(Files.isWritable(size), "the pool of huge pages cannot be enlarged by this user");
        String before = Files.readString(size).strip();
        Files.writeString(size, Integer.toString(Integer.parseInt(before) + 4));
        try {
            Peers.require(number(pool.resolve("free_hugepages")) >= 4, "this host has no huge pages to spare");
            long free = number(pool.resolve("free_hugepages"));
            try (var anonymous = MappedMemory.map(Mapping.anonymous(4 << 20).hugePages(2 << 20).withGuards());
                    var file = MemoryFile.create("huge", 4 << 20, 2 << 20);
                    var shared = MappedMemory.map(file.mapping(2 << 20))) {
                for (var memory : List.of(anonymous, shared)) {
                    assertThat(memory.address() % (2 << 20)).isZero();
                    memory.segment().fill((byte) 1);
                    memory.discard(0, 2 << 20);
                    assertThat(memory.segment().get(BYTE, 0)).isZero();
                    assertThat(memory.segment().get(BYTE, 2 << 20)).isEqualTo((byte) 1);
                }
                assertThat(number(pool.resolve("free_hugepages"))).isEqualTo(free - 4);
            }
            assertThat(number(pool.resolve("free_hugepages"))).isEqualTo(free);
        } finally {
            Files.writeString(size, before);
        }
    }

    private static long number(Path file) throws IOException {
        return Long.parseLong(Files.readString(file).strip());
    }

    @Test
    void hugePagesThatThePoolDoesNotHaveAreAnErrorWithARemedy() throws Exception {
        Path pool = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
        long free = Files.exists(pool) ? Long.parseLong(Files.readString(pool).strip()) : 0;
        assertThatThrownBy(() -> MappedMemory.map(Mapping.anonymous((free + 1) << 21).hugePages(2 << 20)))
                .isInstanceOf(HostException.class).hasMessageContaining("nr_hugepages");
    }

    @Test
    void impossibleDescriptionsAreRefusedBeforeTheKernelIsAsked() {
        assertThatThrownBy(() -> Mapping.anonymous(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Mapping.anonymous(-PAGE)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Mapping.anonymous(PAGE + 1)).hasMessageContaining("4097");
        assertThatThrownBy(() -> Mapping.anonymous(1L << 62)).hasMessageContaining("address space");
        assertThatThrownBy(() -> Mapping.anonymous(PAGE).hugePages(3 * PAGE)).hasMessageContaining("power of two");
        assertThatThrownBy(() -> Mapping.anonymous(PAGE).hugePages(2 << 20)).hasMessageContaining("2097152");
        try (var memory = MappedMemory.map(Mapping.anonymous(2 * PAGE))) {
            assertThatThrownBy(() -> memory.advise(Advice.NORMAL, PAGE, 2 * PAGE))
                    .isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> memory.discard(-PAGE, PAGE)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> memory.lock(0, Long.MAX_VALUE)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> memory.advise(Advice.NORMAL, 1, PAGE)).isInstanceOf(HostException.class)
                    .hasMessageContaining("EINVAL");
        }
    }

    @Test
    void leavesNothingMapped() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var file = MemoryFile.create("cycle", 16 * PAGE);
                    var shared = MappedMemory.map(file.mapping(0));
                    var guarded = MappedMemory.map(Mapping.anonymous(4 * PAGE).withGuards())) {
                shared.segment().set(BYTE, 0, (byte) 1);
                guarded.segment().set(BYTE, 0, (byte) 1);
            }
            assertThatThrownBy(() -> MappedMemory.map(Mapping.anonymous(1L << 46).withGuards().populate()));
        });
    }

    /** Waits until the kernel shows the thread in read(2), system call 0, of that descriptor. */
    private static void awaitRead(int thread, FileDescriptor descriptor) throws Exception {
        String reading = "0 0x" + Integer.toHexString(descriptor.value()) + " ";
        Path call = Path.of("/proc/self/task/" + thread + "/syscall");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!Files.readString(call).startsWith(reading)) {
            assertThat(System.nanoTime()).as("the thread is in " + Files.readString(call)).isLessThan(deadline);
            Thread.sleep(1);
        }
    }

    /** The permissions that {@code /proc/self/maps} shows for an address, or "none". */
    static String permissionsAt(long address) throws Exception {
        String mapping = mappingAt(address);
        return mapping.isEmpty() ? "none" : mapping.split("\\s+", 3)[1];
    }

    /** The line of {@code /proc/self/maps} for an address; empty if there is none. */
    private static String mappingAt(long address) throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] range = line.split("\\s+", 2)[0].split("-");
            if (Long.parseUnsignedLong(range[0], 16) <= address && address < Long.parseUnsignedLong(range[1], 16)) {
                return line;
            }
        }
        return "";
    }
}
