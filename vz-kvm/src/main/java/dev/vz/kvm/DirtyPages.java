package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_clear_dirty_log;
import dev.vz.kvm.generated.kvm_dirty_log;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Which pages were written: the kernel's log of what the guest wrote, and the marks of what the host wrote.
 *
 * <p>
 * Where the kernel can, reading the log and clearing it are two calls (KVM_CLEAR_DIRTY_LOG). A write between the two is
 * to a page that is in the log just read, and the caller looks at the page afterwards, so nothing is lost.
 */
final class DirtyPages {

    private final FileDescriptor machine;
    private final KvmMemorySlots slots;
    private final GuestMemory memory;
    private final boolean manual;
    private final @Nullable KvmDirtyRing ring;
    private boolean tracking;

    DirtyPages(FileDescriptor machine, KvmHost host, KvmMemorySlots slots, GuestMemory memory,
            @Nullable KvmDirtyRing ring) {
        this.machine = machine;
        this.slots = slots;
        this.memory = memory;
        this.ring = ring;
        this.manual = (host.value(KvmCapability.MANUAL_DIRTY_LOG_PROTECT2)
                & KvmHeaders.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE()) != 0;
    }

    /** Whether clearing the log is a call of its own. */
    boolean isManual() {
        return manual;
    }

    synchronized void start() {
        memory.startDirtyTracking();
        for (KvmMemorySlot slot : slots.all()) {
            slots.setLogging(slot, true);
        }
        tracking = true;
    }

    /** A slot came while tracking may be on. */
    synchronized void add(KvmMemorySlot slot) {
        if (tracking) {
            slots.setLogging(slot, true);
        }
    }

    synchronized void stop() {
        tracking = false;
        for (KvmMemorySlot slot : slots.all()) {
            slots.setLogging(slot, false);
        }
        memory.stopDirtyTracking();
    }

    synchronized void collect(MemoryRegion region, DirtyBitmap into) {
        KvmMemorySlot slot = slots.find(region)
                .orElseThrow(() -> new ConfigurationException(region + " is not in " + machine));
        if (into.pages() != slot.pages()) {
            throw new ConfigurationException("The dirty pages of " + region + " need a bitmap of " + slot.pages()
                    + " pages, got one of " + into.pages());
        }
        DirtyBitmap written = region.dirty();
        if (!slot.isLogging() || written == null) {
            throw new LifecycleException("Dirty tracking of " + machine + " is not on; start it first");
        }
        written.drainInto(into);
        if (ring != null && ring.isEnabled()) {
            ring.harvest();
            DirtyBitmap pending = slot.pending();
            if (pending != null) {
                pending.drainInto(into);
            }
        } else {
            read(slot, into);
            if (manual) {
                clear(slot, 0, slot.pages(), slot.bitmap());
            }
        }
    }

    /** KVM_GET_DIRTY_LOG: adds the log to {@code into}, and clears it where that is not a call of its own. */
    synchronized void read(KvmMemorySlot slot, DirtyBitmap into) {
        MemorySegment bitmap = slot.bitmap();
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_dirty_log.allocate(arena);
            kvm_dirty_log.slot(s, slot.id());
            kvm_dirty_log.dirty_bitmap(s, bitmap);
            Ioctl.checked("ioctl KVM_GET_DIRTY_LOG of " + slot, machine, KvmHeaders.KVM_GET_DIRTY_LOG(), s);
        }
        for (int i = 0; i < into.wordCount(); i++) {
            into.merge(i, bitmap.getAtIndex(ValueLayout.JAVA_LONG, i));
        }
    }

    /** Forgets the pages from {@code first} on whose bits are set in {@code pages}. */
    synchronized void clear(KvmMemorySlot slot, long first, long count, DirtyBitmap pages) {
        if (!manual) {
            throw new CapabilityException("This kernel clears the dirty log as it reads it (it lacks "
                    + KvmCapability.MANUAL_DIRTY_LOG_PROTECT2.kernelName() + "); there is nothing left to clear");
        }
        if (first < 0 || count < 1 || first > slot.pages() - count || pages.pages() < count) {
            throw new ConfigurationException("Pages " + first + " to " + (first + count - 1) + " are not all of " + slot
                    + ", or the bitmap of " + pages.pages() + " pages is too short for them");
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment bitmap = arena.allocate((count + 63) / 64 * 8, 8);
            for (int i = 0; i < (count + 63) / 64; i++) {
                bitmap.setAtIndex(ValueLayout.JAVA_LONG, i, pages.word(i));
            }
            clear(slot, first, count, bitmap);
        }
    }

    /** KVM_CLEAR_DIRTY_LOG: forgets the pages from {@code first} on whose bits are set, and protects them again. */
    synchronized void clear(KvmMemorySlot slot, long first, long count, MemorySegment bitmap) {
        // The count is an int in the structure; 64-page steps keep the alignment that the kernel wants.
        long step = 1L << 30;
        for (long page = first; page < first + count; page += step) {
            long here = Math.min(step, first + count - page);
            try (var arena = Arena.ofConfined()) {
                MemorySegment s = kvm_clear_dirty_log.allocate(arena);
                kvm_clear_dirty_log.slot(s, slot.id());
                kvm_clear_dirty_log.first_page(s, page);
                kvm_clear_dirty_log.num_pages(s, (int) here);
                kvm_clear_dirty_log.dirty_bitmap(s, bitmap.asSlice((page - first) / 8));
                Ioctl.checked("ioctl KVM_CLEAR_DIRTY_LOG of " + slot, machine, KvmHeaders.KVM_CLEAR_DIRTY_LOG(), s);
            }
        }
    }
}
