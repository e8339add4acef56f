package dev.vz.machine.boot;

import dev.vz.bus.AddressRange;
import dev.vz.memory.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory map as BIOS call 0xE820 tells it (ACPI 6.5, 15.1).
 *
 * @param range guest-physical addresses
 * @param type  what is there
 */
public record E820(AddressRange range, Type type) {

    /** What an address range is. */
    public enum Type {
        /** RAM for the guest. */
        RAM(1),
        /** Not for the guest's use. */
        RESERVED(2);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        /** The number that stands for it in the zero page and in PVH's memory map. */
        public int code() {
            return code;
        }
    }

    /**
     * The map of a PC with these regions of RAM, by ascending address.
     *
     * @param ram      the guest's RAM; the first region starts at 0
     * @param reserved further ranges that the guest is to keep out of, for example a framebuffer; not inside the RAM
     */
    public static List<E820> of(List<MemoryRegion> ram, List<AddressRange> reserved) {
        var map = new ArrayList<E820>();
        for (MemoryRegion region : ram) {
            if (region.guestAddress() == 0) {
                map.add(ram(0, BootArea.CONVENTIONAL_END));
                map.add(reserved(BootArea.CONVENTIONAL_END, BootArea.VIDEO));
                map.add(reserved(BootArea.FIRMWARE_TABLES, BootArea.HIGH_MEMORY));
                if (region.size() > BootArea.HIGH_MEMORY) {
                    map.add(ram(BootArea.HIGH_MEMORY, region.size()));
                }
            } else {
                map.add(new E820(region.range(), Type.RAM));
            }
        }
        for (AddressRange range : reserved) {
            map.add(new E820(range, Type.RESERVED));
        }
        map.sort((a, b) -> a.range.compareTo(b.range));
        return List.copyOf(map);
    }

    private static E820 ram(long start, long end) {
        return new E820(new AddressRange(start, end - start), Type.RAM);
    }

    private static E820 reserved(long start, long end) {
        return new E820(new AddressRange(start, end - start), Type.RESERVED);
    }
}
