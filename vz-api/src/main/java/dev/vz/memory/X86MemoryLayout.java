package dev.vz.memory;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where RAM lies on a PC: from 0 up to the 32-bit hole, and the rest from 4 GiB.
 *
 * <p>
 * The hole below 4 GiB holds the PCI windows, the IOAPIC, the HPET, the local APIC and the firmware.
 */
public final class X86MemoryLayout {

    /** First address of the hole: 3 GiB. */
    public static final long HOLE_START = 0xC000_0000L;
    /** First address after the hole: 4 GiB. */
    public static final long HOLE_END = 0x1_0000_0000L;

    private X86MemoryLayout() {}

    /** The ranges, by ascending address, that {@code ramBytes} of RAM occupy. */
    public static List<AddressRange> ranges(long ramBytes) {
        if (ramBytes <= 0 || ramBytes % MemoryRequest.PAGE != 0) {
            throw new ConfigurationException("RAM must be a positive multiple of 4096 bytes, got " + ramBytes);
        }
        var ranges = new ArrayList<AddressRange>(2);
        ranges.add(new AddressRange(0, Math.min(ramBytes, HOLE_START)));
        if (ramBytes > HOLE_START) {
            ranges.add(new AddressRange(HOLE_END, ramBytes - HOLE_START));
        }
        return ranges;
    }

    /** Guest memory laid out so, all of it in one block made by {@code allocator}. */
    public static GuestMemory allocate(MemoryAllocator allocator, MemoryRequest request) {
        MemoryBlock block = allocator.allocate(request);
        var regions = new ArrayList<MemoryRegion>(2);
        long offset = 0;
        for (AddressRange range : ranges(request.size())) {
            regions.add(MemoryRegion.of(range.start(), block, offset, range.length()));
            offset += range.length();
        }
        return GuestMemory.of(regions);
    }
}
