package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.memory.MemoryRequest.Allocation;
import dev.vz.memory.MemoryRequest.Backing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MemoryAllocationTest {

    private static final long MIB = 1 << 20;

    private final JavaMemoryAllocator allocator = new JavaMemoryAllocator();

    @ParameterizedTest
    @EnumSource(Allocation.class)
    void givesZeroedPageAlignedMemoryThatEveryThreadMayUse(Allocation allocation) throws Exception {
        try (MemoryBlock block = allocator.allocate(MemoryRequest.of(MIB).withAllocation(allocation))) {
            assertThat(block.size()).isEqualTo(MIB);
            assertThat(block.segment().address() % 4096).isZero();
            assertThat(block.segment().mismatch(MemorySegment.ofArray(new byte[(int) MIB]))).isEqualTo(-1);
            Thread other = Thread.ofPlatform().start(() -> block.segment().set(ValueLayout.JAVA_BYTE, 5, (byte) 9));
            other.join();
            assertThat(block.segment().get(ValueLayout.JAVA_BYTE, 5)).isEqualTo((byte) 9);
        }
    }

    @Test
    void isolatesBlocksFromEachOther() {
        // The guard of the Java allocator is the bounds check: no offset reaches a neighbour.
        try (MemoryBlock one = allocator.allocate(MemoryRequest.of(4096).withAllocation(Allocation.FIXED));
                MemoryBlock two = allocator.allocate(MemoryRequest.of(4096).withAllocation(Allocation.FIXED))) {
            one.segment().fill((byte) 1);
            long distance = two.segment().address() - one.segment().address();
            for (long offset : new long[] {-1, 4096, 4089, distance, Long.MAX_VALUE, Long.MIN_VALUE, distance - 8}) {
                assertThatThrownBy(() -> one.segment().set(MemoryRegion.LONG, offset, -1L))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThat(two.segment().mismatch(MemorySegment.ofArray(new byte[4096]))).isEqualTo(-1);
        }
    }

    @Test
    void givesNothingAfterTheClose() {
        MemoryBlock block = allocator.allocate(MemoryRequest.of(4096));
        MemorySegment slice = block.segment().asSlice(0, 16);
        block.close();
        block.close();
        assertThatThrownBy(() -> slice.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void sharesAFileAndKeepsItsBytes(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("ram");
        try (MemoryBlock block = allocator.allocate(MemoryRequest.of(8192).inFile(file))) {
            block.segment().set(ValueLayout.JAVA_BYTE, 4096, (byte) 0x42);
        }
        assertThat(Files.readAllBytes(file)).hasSize(8192).contains(0x42, org.assertj.core.data.Index.atIndex(4096));
        try (MemoryBlock copy = allocator.allocate(MemoryRequest.of(8192).overFile(file))) {
            assertThat(copy.segment().get(ValueLayout.JAVA_BYTE, 4096)).isEqualTo((byte) 0x42);
            copy.segment().set(ValueLayout.JAVA_BYTE, 4096, (byte) 0x43);
        }
        assertThat(Files.readAllBytes(file)[4096]).as("copy-on-write stays private").isEqualTo((byte) 0x42);
    }

    @Test
    void doesNotLengthenAFileThatItOnlyReads(@TempDir Path folder) throws Exception {
        Path file = Files.write(folder.resolve("short"), new byte[4096]);
        assertThatThrownBy(() -> allocator.allocate(MemoryRequest.of(8192).overFile(file)))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("8192").hasMessageContaining("4096")
                .hasMessageContaining(file.toString());
        assertThat(file).hasSize(4096);
    }

    @Test
    void saysWhyTheHostRefuses(@TempDir Path folder) {
        assertThatThrownBy(() -> allocator.allocate(MemoryRequest.of(4096).inFile(folder.resolve("no/such/folder"))))
                .isInstanceOf(HostException.class).hasMessageContaining("no/such/folder")
                .hasMessageContaining("4096 bytes");
        assertThatThrownBy(() -> allocator.allocate(MemoryRequest.of(1L << 50).withAllocation(Allocation.FIXED)))
                .isInstanceOf(HostException.class).hasMessageContaining("" + (1L << 50));
        assertThatThrownBy(() -> allocator.allocate(MemoryRequest.of(4096).inMemfd()))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("vz-linux");
        assertThat(allocator.supports(MemoryRequest.of(4 * MIB).withPageSize(2 * MIB))).isFalse();
    }

    @Test
    void picksAnAllocatorThatSupportsTheRequest() {
        assertThat(MemoryAllocator.all()).extracting(MemoryAllocator::name).contains("java");
        assertThat(MemoryAllocator.preferred(MemoryRequest.of(4096)).supports(MemoryRequest.of(4096))).isTrue();
    }

    @Test
    void refusesRequestsThatContradictThemselves() {
        for (long size : new long[] {0, -4096, 1, 4095, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> MemoryRequest.of(size)).isInstanceOf(ConfigurationException.class);
        }
        MemoryRequest request = MemoryRequest.of(6 * MIB);
        assertThatThrownBy(() -> request.withPageSize(4 * MIB)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("pages of 4194304");
        assertThatThrownBy(() -> request.withPageSize(3 * MIB)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> request.withPageSize(2048)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> request.withPageSize(-1)).isInstanceOf(ConfigurationException.class);
        assertThat(request.withPageSize(2 * MIB).pageSize()).isEqualTo(2 * MIB);
        assertThatThrownBy(() -> new MemoryRequest(4096, Allocation.FIXED, Backing.FILE, null, 0, true, "x"))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("needs a file");
        assertThatThrownBy(
                () -> new MemoryRequest(4096, Allocation.FIXED, Backing.ANONYMOUS, Path.of("f"), 0, true, "x"))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("takes no file");
        assertThatThrownBy(() -> new MemoryRequest(4096, Allocation.FIXED, null, null, 0, true, "x"))
                .isInstanceOf(NullPointerException.class);
        assertThat(request.inFile(Path.of("f")).inMemfd().file()).isNull();
        assertThat(request.withGuard(false).named("n").guarded()).isFalse();
    }

    @Test
    void leavesTheHoleBelowFourGigabytes() {
        assertThat(X86MemoryLayout.ranges(MIB)).containsExactly(new AddressRange(0, MIB));
        assertThat(X86MemoryLayout.ranges(X86MemoryLayout.HOLE_START))
                .containsExactly(new AddressRange(0, 0xC000_0000L));
        assertThat(X86MemoryLayout.ranges(X86MemoryLayout.HOLE_START + 4096)).containsExactly(
                new AddressRange(0, 0xC000_0000L), new AddressRange(0x1_0000_0000L, 4096));
        assertThatThrownBy(() -> X86MemoryLayout.ranges(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> X86MemoryLayout.ranges(4097)).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void putsRamAroundTheHoleInOneBlock() {
        long size = X86MemoryLayout.HOLE_START + 16 * MIB;
        try (GuestMemory memory = X86MemoryLayout.allocate(allocator, MemoryRequest.of(size))) {
            assertThat(memory.size()).isEqualTo(size);
            assertThat(memory.contains(0xBFFF_FFFFL, 2)).isFalse();
            memory.writeLong(X86MemoryLayout.HOLE_END, 0x1234);
            MemoryRegion high = memory.region(X86MemoryLayout.HOLE_END);
            assertThat(high.blockOffset()).isEqualTo(X86MemoryLayout.HOLE_START);
            assertThat(high.block().segment().get(MemoryRegion.LONG, X86MemoryLayout.HOLE_START)).isEqualTo(0x1234);
        }
    }
}
