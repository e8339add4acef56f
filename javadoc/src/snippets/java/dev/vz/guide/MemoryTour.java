package dev.vz.guide;

import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.GuestMemoryException;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.memory.X86MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** The code of the chapter on memory. */
final class MemoryTour {

    private MemoryTour() {}

    static GuestMemory simple() {
        // @start region="simple"
        GuestMemory memory = GuestMemory.ofSize(16L << 20); // 16 MiB from address 0
        // @end
        return memory;
    }

    static GuestMemory pc(long ramBytes) {
        // @start region="pc"
        MemoryRequest request = MemoryRequest.of(ramBytes).named("guest-ram");
        MemoryAllocator allocator = MemoryAllocator.preferred(request);
        GuestMemory memory = X86MemoryLayout.allocate(allocator, request);
        // @end
        return memory;
    }

    static GuestMemory regions() {
        // @start region="regions"
        MemoryRequest ram = MemoryRequest.of(1L << 20).named("ram");
        MemoryRequest rom = MemoryRequest.of(64L << 10).named("firmware");
        MemoryAllocator allocator = MemoryAllocator.preferred(ram);
        GuestMemory memory = GuestMemory.of(
                MemoryRegion.of(0, allocator.allocate(ram)),
                MemoryRegion.of(0xFFFF_0000L, allocator.allocate(rom)).asReadOnly());
        // @end
        return memory;
    }

    static String typed(GuestMemory memory) {
        // @start region="typed"
        memory.writeInt(0x2000, 0x11223344); // bytes 44 33 22 11
        short low = memory.readShort(0x2000); // 0x3344
        memory.write(0x3000, "console=ttyS0\0".getBytes(StandardCharsets.US_ASCII));
        // @end
        return Integer.toHexString(low) + " " + new String(memory.read(0x3000, 13), StandardCharsets.US_ASCII);
    }

    static boolean publish(GuestMemory memory, long ring, short index) {
        // @start region="ordered"
        memory.writeInt(ring + 4, 0xCAFE); // the entry first
        memory.writeShortRelease(ring + 2, index); // then the index that makes it visible
        short seen = memory.readShortAcquire(ring + 2);
        // @end
        return seen == index;
    }

    /** Sums a buffer that the guest named, without trusting it. */
    // @start region="hostile"
    static long checksum(GuestMemory memory, long gpa, long length) {
        if (length < 0 || length > 64 * 1024 || !memory.contains(gpa, length)) {
            return -1; // the guest's mistake: tell the guest, do not throw
        }
        long sum = 0;
        for (MemorySegment part : memory.slices(gpa, length)) {
            for (long i = 0; i < part.byteSize(); i++) {
                sum += part.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
            }
        }
        return sum;
    }
    // @end

    static String outside(GuestMemory memory) {
        // @start region="outside"
        try {
            memory.readLong(0xDEAD_0000L);
        } catch (GuestMemoryException failure) {
            return failure.getMessage(); // names the address, the length and the regions that exist
        }
        // @end
        return "";
    }

    static long dirty(GuestMemory memory) {
        // @start region="dirty"
        memory.startDirtyTracking();
        memory.fill(0x4000, 3 * DirtyBitmap.PAGE, (byte) 0);
        MemoryRegion region = memory.regions().getFirst();
        var copied = new DirtyBitmap(region.size());
        DirtyBitmap marks = region.dirty();
        if (marks != null) {
            marks.drainInto(copied);
        }
        memory.stopDirtyTracking();
        // @end
        return copied.dirtyPages();
    }
}
