package dev.vz.storage.vhdx;

import java.lang.foreign.MemorySegment;
import java.util.UUID;

/** A GUID, whose first three fields are little-endian in the file. */
record Guid(long low, long high) {

    static final Guid ZERO = new Guid(0, 0);
    static final Guid BAT = of("2dc27766-f623-4200-9d64-115e9bfd4a08");
    static final Guid METADATA = of("8b7ca206-4790-4b9a-b8fe-575f050f886e");
    static final Guid FILE_PARAMETERS = of("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
    static final Guid VIRTUAL_DISK_SIZE = of("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
    static final Guid PAGE_83_DATA = of("beca12ab-b2e6-4523-93ef-c309e000c746");
    static final Guid LOGICAL_SECTOR_SIZE = of("8141bf1d-a96f-4709-ba47-f233a8faab5f");
    static final Guid PHYSICAL_SECTOR_SIZE = of("cda348c7-445d-4471-9cc9-e9885251c556");
    static final Guid VHDX_PARENT = of("b04aefb7-d19e-4a81-b789-25b8e9445913");
    static final Guid PARENT_LOCATOR = of("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

    static Guid of(String text) {
        return of(UUID.fromString(text));
    }

    static Guid random() {
        return of(UUID.randomUUID());
    }

    private static Guid of(UUID uuid) {
        long first = uuid.getMostSignificantBits();
        long low = first >>> 32 | (first >>> 16 & 0xffff) << 32 | (first & 0xffff) << 48;
        return new Guid(low, Long.reverseBytes(uuid.getLeastSignificantBits()));
    }

    /** As people write it, in braces. */
    @Override
    public String toString() {
        long most = (low & 0xffffffffL) << 32 | (low >>> 32 & 0xffff) << 16 | low >>> 48;
        return "{" + new UUID(most, Long.reverseBytes(high)) + "}";
    }

    static Guid read(MemorySegment bytes, long at) {
        return new Guid(bytes.get(Field.LONG, at), bytes.get(Field.LONG, at + 8));
    }

    void write(MemorySegment bytes, long at) {
        bytes.set(Field.LONG, at, low);
        bytes.set(Field.LONG, at + 8, high);
    }
}
