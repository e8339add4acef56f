package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.HIGH;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.DirtyTracking;
import dev.vz.hypervisor.MemoryHotPlug;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory is shared between guest and host, can be logged, made read-only, added and removed. */
interface MemoryChapter extends Chapter {

    /** A place that no region of the guests takes, below the devices. */
    long PLUGGED = 0x4000_0000L;

    private static MemoryRegion region(long gpa, long size) {
        MemoryRequest request = MemoryRequest.of(size).named("conformance-extra");
        return MemoryRegion.of(gpa, MemoryAllocator.preferred(request).allocate(request));
    }

    @Test
    default void showsTheHostWhatTheGuestWritesAtOnce() throws Exception {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.store(4, at(MAILBOX), 1).label("wait")
                .alu(Alu.CMP, 4, at(MAILBOX + 64), 2).jump(NE, "wait").store(4, at(MAILBOX), 3).end()).build()) {
            Thread host = Thread.ofPlatform().start(() -> {
                while (guest.memory().readIntAcquire(MAILBOX) != 1) {
                    Thread.onSpinWait();
                }
                guest.memory().writeIntRelease(MAILBOX + 64, 2);
            });
            guest.runToEnd();
            host.join();
            assertThat(guest.mailbox(0, 4)).isEqualTo(3);
        }
    }

    // ------------------------------------------------------------------------------------------ dirty logging

    private static List<Long> dirty(Guest guest, MemoryRegion region) {
        var bitmap = new DirtyBitmap(region.size());
        ((DirtyTracking) guest.machine()).collectDirty(region, bitmap);
        var pages = new ArrayList<Long>();
        for (long page = 0; page < bitmap.pages(); page++) {
            if (bitmap.isDirty(page)) {
                pages.add(region.guestAddress() / 4096 + page);
            }
        }
        return pages;
    }

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void logsThePagesThatTheGuestWrites(GuestMode mode) {
        requires(Capability.DIRTY_TRACKING);
        try (Guest guest = guest(mode)
                .code(a -> a.label("again").load(4, AX, at(DATA + 0x2000)).store(1, at(DATA + 0x10), 1)
                        .mov(4, BX, DATA + 0x3FFE).store(4, at(BX), 0x1234).mov(4, BX, HIGH + 0x1_0000).inc(8, at(BX))
                        .out(1, 0x10)
                        .jmp("again"))
                .build()) {
            MemoryRegion low = guest.memory().regions().get(0);
            MemoryRegion high = guest.memory().regions().get(1);
            ((DirtyTracking) guest.machine()).startDirtyTracking();
            for (int round = 0; round < 3; round++) {
                assertThat(guest.vcpu().run()).isInstanceOf(VcpuExit.PortWrite.class);
                long first = DATA / 4096;
                assertThat(dirty(guest, low)).as("round %d", round).contains(first, first + 3, first + 4)
                        .doesNotContain(first + 1, first + 2, first + 5);
                assertThat(dirty(guest, high)).contains((HIGH + 0x1_0000) / 4096);
                assertThat(dirty(guest, high)).as("forgotten once collected").isEmpty();
            }
            ((DirtyTracking) guest.machine()).stopDirtyTracking();
            assertThat(guest.vcpu().run()).isInstanceOf(VcpuExit.PortWrite.class);
            ((DirtyTracking) guest.machine()).startDirtyTracking();
            assertThat(dirty(guest, high)).as("starts with nothing marked").isEmpty();
            ((DirtyTracking) guest.machine()).stopDirtyTracking();
        }
    }

    @Test
    default void logsWhatTheHostWritesToo() {
        requires(Capability.DIRTY_TRACKING);
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            MemoryRegion low = guest.memory().regions().get(0);
            ((DirtyTracking) guest.machine()).startDirtyTracking();
            guest.memory().writeInt(DATA + 0x1FFE, -1);
            guest.memory().markDirty(DATA + 0x5000, 1);
            assertThat(dirty(guest, low)).containsExactly(DATA / 4096 + 1, DATA / 4096 + 2, DATA / 4096 + 5);
            assertThat(dirty(guest, low)).isEmpty();
            ((DirtyTracking) guest.machine()).stopDirtyTracking();
        }
    }

    @Test
    default void losesNoPageWhileTheGuestRunsOn() throws Exception {
        // The guest writes a counter to one page after another; what the copies hold in the end is what memory holds.
        requires(Capability.DIRTY_TRACKING);
        int pages = 64;
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, CX, 1).label("round").mov(4, BX, HIGH)
                .label("page").store(4, at(BX), CX).alu(Alu.ADD, 4, BX, 4096)
                .alu(Alu.CMP, 4, BX, (int) HIGH + pages * 4096).jump(NE, "page").inc(4, CX).jmp("round")).build()) {
            MemoryRegion high = guest.memory().regions().get(1);
            var tracking = (DirtyTracking) guest.machine();
            tracking.startDirtyTracking();
            Thread runner = Thread.ofPlatform().start(guest::run);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (guest.memory().readIntAcquire(HIGH) == 0) {
                assertThat(System.nanoTime()).as("the guest has not begun in time").isLessThan(deadline);
                Thread.onSpinWait();
            }
            var copies = new int[pages];
            var bitmap = new DirtyBitmap(high.size());
            for (int pass = 0; pass < 300; pass++) {
                if (pass == 299) {
                    guest.vcpu().kick();
                    runner.join();
                }
                tracking.collectDirty(high, bitmap);
                for (int page = 0; page < pages; page++) {
                    if (bitmap.isDirty(page)) {
                        copies[page] = guest.memory().readInt(HIGH + 4096L * page);
                    }
                }
                bitmap.clear();
            }
            for (int page = 0; page < pages; page++) {
                assertThat(copies[page]).as("page %d", page).isEqualTo(guest.memory().readInt(HIGH + 4096L * page));
            }
            assertThat(copies[0]).isPositive();
            tracking.stopDirtyTracking();
        }
    }

    // ---------------------------------------------------------------------------------------------- read-only

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64", "USER64"})
    default void turnsWritesToReadOnlyMemoryIntoExits(GuestMode mode) {
        requires(Capability.READ_ONLY_MEMORY);
        MemoryRegion rom = region(PLUGGED, 4096).asReadOnly();
        try (Guest guest = guest(mode).region(rom).code(a -> a.mov(4, BX, PLUGGED).load(4, AX, at(BX, 4))
                .store(4, at(BX, 4), 0x1234).load(4, CX, at(BX, 4)).end()).build()) {
            guest.memory().writeInt(PLUGGED + 4, 0x600DF00D);
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new VcpuExit.MmioWrite(PLUGGED + 4, 4, 0x1234));
            assertThat(guest.vcpu().registers().rax()).isEqualTo(0x600DF00D);
            assertThat(guest.vcpu().registers().rcx()).as("unchanged").isEqualTo(0x600DF00D);
        }
    }

    @Test
    default void executesReadOnlyMemory() {
        requires(Capability.READ_ONLY_MEMORY);
        MemoryRegion rom = region(PLUGGED, 4096).asReadOnly();
        try (Guest guest = guest(GuestMode.LONG64).region(rom).code(a -> a.mov(4, BX, PLUGGED).jmp(BX)).build()) {
            guest.memory().write(PLUGGED, new Assembler(64, PLUGGED).mov(4, AX, 0x42).end().assemble());
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isEqualTo(0x42);
        }
    }

    // ----------------------------------------------------------------------------------------------- hot plug

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void addsAndRemovesMemoryBetweenRuns(GuestMode mode) {
        requires(Capability.MEMORY_HOT_PLUG);
        try (Guest guest = guest(mode).code(a -> a.mov(4, BX, PLUGGED).label("again").load(4, AX, at(BX))
                .store(4, at(BX), 0x77).out(1, 0x10).jmp("again")).build()) {
            var machine = (MemoryHotPlug) guest.machine();
            for (int round = 0; round < 3; round++) {
                assertThat(guest.vcpu().run()).as("no memory yet").isEqualTo(new VcpuExit.MmioRead(PLUGGED, 4));
                guest.vcpu().answer(1);
                assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.MmioWrite(PLUGGED, 4, 0x77));
                assertThat(guest.vcpu().run()).isInstanceOf(VcpuExit.PortWrite.class);
                MemoryRegion added = region(PLUGGED, 2 << 20);
                machine.plug(added);
                guest.memory().writeInt(PLUGGED, 0x1000 + round);
                assertThat(guest.vcpu().run()).isInstanceOf(VcpuExit.PortWrite.class);
                assertThat(guest.vcpu().registers().rax()).isEqualTo(0x1000 + round);
                assertThat(guest.memory().readInt(PLUGGED)).isEqualTo(0x77);
                machine.unplug(added);
                assertThat(guest.memory().contains(PLUGGED, 4)).isFalse();
            }
        }
    }

    @Test
    default void addsAndRemovesMemoryWhileTheGuestRuns() throws Exception {
        requires(Capability.MEMORY_HOT_PLUG);
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.label("spin").inc(4, at(MAILBOX)).jmp("spin")).build()) {
            var machine = (MemoryHotPlug) guest.machine();
            var done = new AtomicBoolean();
            Thread other = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 20; i++) {
                    MemoryRegion added = region(PLUGGED, 1 << 20);
                    machine.plug(added);
                    machine.unplug(added);
                }
                done.set(true);
                guest.vcpu().kick();
            });
            assertThat(guest.run()).isEqualTo(Stop.KICK);
            other.join();
            assertThat(done).isTrue();
            assertThat(guest.memory().regions()).hasSize(2);
        }
    }

    @Test
    default void refusesMemoryThatOverlaps() {
        requires(Capability.MEMORY_HOT_PLUG);
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            MemoryRegion intruder = region(DATA, 4096);
            try {
                assertThatThrownBy(() -> ((MemoryHotPlug) guest.machine()).plug(intruder))
                        .isInstanceOf(ConfigurationException.class).hasMessageContaining("0x50000");
            } finally {
                intruder.block().close();
            }
            guest.runToEnd();
        }
    }
}
