package dev.vz.linux.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenDescriptors;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRequest;
import dev.vz.memory.MemoryRequest.Allocation;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxMemoryAllocatorTest {

    private static final long SIZE = 1 << 20;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private final MemoryAllocator allocator = new LinuxMemoryAllocator();

    @Test
    void isFoundAndPreferredOnLinux() {
        assertThat(MemoryAllocator.preferred(MemoryRequest.of(SIZE).inMemfd()).name()).isEqualTo("linux");
        assertThat(MemoryAllocator.all().getFirst()).isInstanceOf(LinuxMemoryAllocator.class);
    }

    @Test
    void fixedMemoryIsAllThereAndDynamicMemoryComesAsTouched(@TempDir Path folder) {
        for (var request : requests(folder)) {
            try (var fixed = reclaimable(request.withAllocation(Allocation.FIXED))) {
                assertThat(fixed.residentBytes()).as(request.toString()).isEqualTo(SIZE);
            }
        }
        for (var request : requests(folder)) {
            if (request.file() == null) {
                try (var dynamic = reclaimable(request.withAllocation(Allocation.DYNAMIC))) {
                    assertThat(dynamic.residentBytes()).as(request.toString()).isZero();
                    dynamic.segment().set(BYTE, SIZE - 1, (byte) 1);
                    assertThat(dynamic.residentBytes()).as(request.toString()).isPositive().isLessThan(SIZE);
                }
            }
        }
    }

    @Test
    void everyBackingStartsZeroedAndGivesPagesBack(@TempDir Path folder) {
        for (var request : requests(folder)) {
            try (var block = reclaimable(request)) {
                assertThat(block.request()).isEqualTo(request);
                assertThat(block.size()).isEqualTo(SIZE);
                assertThat(block.segment().address() % MappedMemory.PAGE).isZero();
                assertThat(block.segment().get(ValueLayout.JAVA_LONG, SIZE / 2)).isZero();
                block.segment().fill((byte) 1);
                block.reclaim(4096, SIZE - 8192);
                assertThat(block.segment().get(BYTE, 4095)).isEqualTo((byte) 1);
                assertThat(block.segment().get(BYTE, 4096)).isZero();
                assertThat(block.segment().get(BYTE, SIZE - 4097)).isZero();
                assertThat(block.segment().get(BYTE, SIZE - 4096)).isEqualTo((byte) 1);
                assertThatThrownBy(() -> block.reclaim(100, 4096)).isInstanceOf(ConfigurationException.class);
                assertThatThrownBy(() -> block.reclaim(0, 2 * SIZE)).isInstanceOf(ConfigurationException.class);
            }
        }
    }

    @Test
    void aMemoryFileIsSealedAndCanBeMappedByAnother() {
        try (var block = (MemoryBlock.Shareable) allocator.allocate(MemoryRequest.of(SIZE).inMemfd())) {
            var view = FileDescriptor.borrow(block.fileDescriptor(), "the peer's copy");
            assertThat(MemoryFile.seals(view)).contains(Seal.SHRINK, Seal.GROW);
            try (var other = MappedMemory.map(Mapping.of(view, block.fileOffset(), SIZE))) {
                other.segment().set(BYTE, 77, (byte) 7);
                assertThat(block.segment().get(BYTE, 77)).isEqualTo((byte) 7);
            }
        }
    }

    @Test
    void aSharedFileKeepsTheGuestsWritesAndACopyDoesNot(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("ram");
        try (var block = allocator.allocate(MemoryRequest.of(SIZE).inFile(file))) {
            block.segment().set(BYTE, 10, (byte) 10);
            var durable = (MemoryBlock.Durable) block;
            durable.sync(0, SIZE);
            durable.sync(4096, 4096);
            assertThatThrownBy(() -> durable.sync(0, SIZE + 4096)).isInstanceOf(ConfigurationException.class);
        }
        try (var block = allocator.allocate(MemoryRequest.of(SIZE).overFile(file))) {
            assertThat(block).isNotInstanceOf(MemoryBlock.Shareable.class).isNotInstanceOf(MemoryBlock.Durable.class);
            assertThat(block.segment().get(BYTE, 10)).isEqualTo((byte) 10);
            block.segment().set(BYTE, 11, (byte) 11);
        }
        byte[] found = Files.readAllBytes(file);
        assertThat(found).hasSize((int) SIZE);
        assertThat(found[10]).isEqualTo((byte) 10);
        assertThat(found[11]).isZero();
    }

    @Test
    void aFileTooShortToCopyFromIsRefused(@TempDir Path folder) throws Exception {
        Path file = Files.write(folder.resolve("short"), new byte[4096]);
        assertThatThrownBy(() -> allocator.allocate(MemoryRequest.of(SIZE).overFile(file)))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("4096")
                .hasMessageContaining(file.toString());
    }

    @Test
    void pageSizesThatTheHostDoesNotHaveAreNotSupported() {
        var request = MemoryRequest.of(1L << 33).withPageSize(1L << 33);
        assertThat(allocator.supports(request)).isFalse();
        assertThatThrownBy(() -> allocator.allocate(request)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("/sys/kernel/mm/hugepages");
    }

    @Test
    void closedBlocksCannotBeTouchedAndLeaveNothing(@TempDir Path folder) throws Exception {
        var closed = allocator.allocate(MemoryRequest.of(SIZE));
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.segment().get(BYTE, 0)).isInstanceOf(IllegalStateException.class);
        OpenDescriptors.expectNoneLeftBy(() -> {
            for (var request : requests(folder)) {
                allocator.allocate(request).close();
            }
            assertThatThrownBy(() -> allocator.allocate(
                    MemoryRequest.of(SIZE).overFile(Files.createTempFile(folder, "empty", ""))));
        });
    }

    private MemoryBlock.Reclaimable reclaimable(MemoryRequest request) {
        return (MemoryBlock.Reclaimable) allocator.allocate(request);
    }

    private static MemoryRequest[] requests(Path folder) {
        try {
            Path zeroes = Files.write(folder.resolve("zeroes"), new byte[(int) SIZE]);
            Path shared = Files.createTempFile(folder, "shared", ".ram");
            Files.delete(shared);
            return new MemoryRequest[] {MemoryRequest.of(SIZE), MemoryRequest.of(SIZE).withGuard(false),
                MemoryRequest.of(SIZE).inMemfd(), MemoryRequest.of(SIZE).inFile(shared),
                MemoryRequest.of(SIZE).overFile(zeroes)};
        } catch (java.io.IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }
}
