package dev.vz.kvm;

import dev.vz.bus.AddressRange;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A range of guest-physical addresses that the kernel knows memory for. Made by {@link KvmMemorySlots}. */
public final class KvmMemorySlot {

    private final int id;
    private final MemoryRegion region;
    private final @Nullable KvmGuestMemoryFile file;
    private final long fileOffset;
    private boolean logging;
    private @Nullable MemorySegment bitmap;
    private @Nullable DirtyBitmap pending;

    KvmMemorySlot(int id, MemoryRegion region, @Nullable KvmGuestMemoryFile file, long fileOffset) {
        this.id = id;
        this.region = region;
        this.file = file;
        this.fileOffset = fileOffset;
    }

    /** The kernel's number for it. */
    public int id() {
        return id;
    }

    /** What lies there. */
    public MemoryRegion region() {
        return region;
    }

    /** Where it is. */
    public AddressRange range() {
        return region.range();
    }

    /** The file that holds the guest's private pages; {@code null} if all pages are of this process. */
    public @Nullable KvmGuestMemoryFile file() {
        return file;
    }

    long fileOffset() {
        return fileOffset;
    }

    /** Whether the kernel notes the pages that the guest writes. */
    public boolean isLogging() {
        return logging;
    }

    void setLogging(boolean logging) {
        this.logging = logging;
        pending = logging ? new DirtyBitmap(region.size()) : null;
    }

    /** Pages that a dirty ring told of and nobody has collected; {@code null} while the kernel does not note any. */
    @Nullable
    DirtyBitmap pending() {
        return pending;
    }

    /** Number of 4 KiB pages. */
    long pages() {
        return region.size() >>> 12;
    }

    /** Room for one bit per page, as the dirty log calls want it. */
    MemorySegment bitmap() {
        MemorySegment room = bitmap;
        if (room == null) {
            room = Arena.ofAuto().allocate((pages() + 63) / 64 * 8, 8);
            bitmap = room;
        }
        return room;
    }

    @Override
    public String toString() {
        return "memory slot " + id + " " + region;
    }
}
