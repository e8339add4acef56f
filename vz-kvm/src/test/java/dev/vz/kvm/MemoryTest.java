package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.testing.Peers;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Slots: what the guest sees where, and what happens at their edges. */
class MemoryTest {

    /** ES = 0xffff, then MOV [ES:0x10 + 4096], AL and MOV AL, [ES:0x10 + 4096]: 0x101000. */
    private static final String TOUCH = "b8ffff 8ec0 b05a 26a21010 b000 26a01010 f4";

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    private static MemoryBlock block(long size) {
        MemoryRequest request = MemoryRequest.of(size);
        return MemoryAllocator.preferred(request).allocate(request);
    }

    @Test
    void memoryCanBePluggedAndUnpluggedWhileTheMachineLives() {
        try (var guest = Guest.realMode(TOUCH)) {
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x101000, 1, 0x5A));
            MemoryRegion region = MemoryRegion.of(0x10_1000, block(0x4000));
            guest.machine.plug(region);
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rax() & 0xFF).isEqualTo(0x5A);
            assertThat(guest.memory.readByte(0x10_1000)).isEqualTo((byte) 0x5A);
            guest.machine.unplug(region);
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x101000, 1, 0x5A));
            assertThatThrownBy(() -> guest.machine.unplug(region)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void readOnlyMemoryIsReadByTheGuestAndItsWritesLeave() {
        try (var guest = Guest.realMode(TOUCH)) {
            MemoryRegion region = MemoryRegion.of(0x10_0000, block(0x4000)).asReadOnly();
            guest.machine.plug(region);
            guest.memory.writeByte(0x10_1000, (byte) 0x33);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x101000, 1, 0x5A));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rax() & 0xFF).isEqualTo(0x33);
        }
    }

    @Test
    void overlappingSlotsAreRefusedAndBothAreNamed() {
        try (var guest = Guest.realMode("f4"); MemoryBlock block = block(0x4000)) {
            MemoryRegion region = MemoryRegion.borrowed(0xF_E000, block.segment());
            assertThatThrownBy(() -> guest.machine.memorySlots().add(region))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessage("Cannot show memory [0xfe000-0x101fff] to the guest: it overlaps memory slot 0 memory "
                            + "[0x0-0xfffff]");
            assertThat(guest.machine.memorySlots().all()).hasSize(1);
        }
    }

    @Test
    void aFailedPlugLeavesTheGuestMemoryAsItWas() {
        try (var guest = Guest.realMode("f4"); MemoryBlock first = block(0x4000); MemoryBlock second = block(0x4000)) {
            guest.machine.memorySlots().add(MemoryRegion.borrowed(0x20_0000, first.segment()));
            MemoryRegion region = MemoryRegion.borrowed(0x20_2000, second.segment());
            assertThatThrownBy(() -> guest.machine.plug(region)).isInstanceOf(ConfigurationException.class);
            assertThat(guest.memory.regions()).hasSize(1);
        }
    }

    @Test
    void manySlotsCanBeSetAndRemoved() {
        try (var guest = Guest.realMode("f4"); MemoryBlock block = block(0x1000)) {
            KvmMemorySlots slots = guest.machine.memorySlots();
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < 200; i++) {
                    slots.add(MemoryRegion.borrowed(0x20_0000 + 0x2000L * i, block.segment()));
                }
                assertThat(slots.all()).hasSize(201);
                slots.all().stream().skip(1).forEach(slots::remove);
            }
            assertThat(slots.all()).hasSize(1);
        }
    }

    @Test
    void aGuestMemoryFileIsTheGuestsMemory() {
        try (var guest = Guest.realMode(TOUCH)) {
            var made = guest.machine.createGuestMemoryFile(0x4000, true);
            assertThat(made.isPresent()).isEqualTo((guest.machine.check(KvmCapability.GUEST_MEMFD_FLAGS) & 3) == 3);
            assumeTrue(made.isPresent(), "this kernel has no guest memory files that can be mapped");
            try (KvmGuestMemoryFile file = made.get();
                    var borrowed = FileDescriptor.borrow(file.fileDescriptor(), "guest_memfd");
                    var mapped = MappedMemory.map(Mapping.of(borrowed, 0, 0x4000))) {
                KvmMemorySlot slot = guest.machine.memorySlots()
                        .add(MemoryRegion.borrowed(0x10_0000, mapped.segment()), file, 0);
                assertThat(slot.file()).isSameAs(file);
                assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
                assertThat(mapped.segment().get(ValueLayout.JAVA_BYTE, 0x1000)).isEqualTo((byte) 0x5A);
                assertThatThrownBy(() -> guest.machine.memorySlots()
                        .add(MemoryRegion.borrowed(0x20_0000, mapped.segment()), file, 0x1000))
                        .isInstanceOf(ConfigurationException.class).hasMessageContaining("the file has 16384 bytes");
                guest.machine.memorySlots().remove(slot);
            }
        }
    }

    // ------------------------------------------------------------------------------------------- dirty tracking

    /** Writes one byte to each page from 0x2000 on, CX of them. */
    private static final String WRITER = "b90400 be0020 8804 81c60010 49 75f7 f4";

    @Test
    void pagesThatGuestAndHostWriteAreCollectedOnce() {
        try (var guest = Guest.realMode(WRITER)) {
            MemoryRegion region = guest.memory.regions().getFirst();
            assertThatThrownBy(() -> guest.machine.collectDirty(region, new DirtyBitmap(region.size())))
                    .isInstanceOf(LifecycleException.class).hasMessageContaining("start it first");
            guest.machine.startDirtyTracking();
            assertDirty(guest, region);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            guest.memory.writeByte(0x9000, (byte) 1);
            assertDirty(guest, region, 2, 3, 4, 5, 9);
            assertDirty(guest, region);
            guest.start(guest.vcpu, Guest.CODE);
            guest.vcpu.run();
            assertDirty(guest, region, 2, 3, 4, 5);
            guest.machine.stopDirtyTracking();
            assertThat(region.dirty()).isNull();
        }
    }

    @Test
    void theDirtyLogIsReadAndClearedByHand() {
        try (var guest = Guest.realMode(WRITER)) {
            guest.machine.startDirtyTracking();
            KvmMemorySlot slot = guest.machine.memorySlots().all().getFirst();
            guest.vcpu.run();
            var first = new DirtyBitmap(slot.region().size());
            guest.machine.readDirtyLog(slot, first);
            assertThat(first.dirtyPages()).isEqualTo(4);
            var second = new DirtyBitmap(slot.region().size());
            guest.machine.readDirtyLog(slot, second);
            assertThat(second.dirtyPages()).as("reading leaves it, or clears it")
                    .isEqualTo(guest.machine.dirtyLogIsManual() ? 4 : 0);
            assumeTrue(guest.machine.dirtyLogIsManual(), "this kernel clears its dirty log as it is read");
            var some = new DirtyBitmap(slot.region().size());
            some.mark(2 * 4096, 2 * 4096);
            guest.machine.clearDirtyLog(slot, 0, slot.region().size() / 4096, some);
            var third = new DirtyBitmap(slot.region().size());
            guest.machine.readDirtyLog(slot, third);
            assertThat(third.isDirty(2)).isFalse();
            assertThat(third.isDirty(3)).isFalse();
            assertThat(third.isDirty(4)).isTrue();
            assertThatThrownBy(() -> guest.machine.clearDirtyLog(slot, 64, 1000, some))
                    .isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void dirtyPagesComeThroughRingsToo() {
        try (var memory = GuestMemory.ofSize(0x10_0000);
                var machine = new KvmHypervisor().createVirtualMachine(
                        new VirtualMachineConfig("ring", memory, Interrupts.NONE, 2))) {
            assumeTrue(machine.dirtyRing().isPresent(), "this KVM has no dirty rings");
            KvmDirtyRing ring = machine.dirtyRing().orElseThrow();
            assertThatThrownBy(() -> ring.enable(3)).isInstanceOf(ConfigurationException.class);
            ring.enable(1024);
            assertThat(ring.isEnabled()).isTrue();
            KvmVcpu vcpu = machine.createVcpu(0);
            assertThatThrownBy(() -> ring.enable(1024)).isInstanceOf(LifecycleException.class);
            memory.write(0x1000, HexFormat.of().parseHex(WRITER.replace(" ", "")));
            machine.startDirtyTracking();
            MemoryRegion region = memory.regions().getFirst();
            for (int round = 0; round < 3; round++) {
                vcpu.setSpecialRegisters(SpecialRegisters.realMode());
                vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
                assertThat(vcpu.run()).isEqualTo(new VcpuExit.Halt());
                var into = new DirtyBitmap(region.size());
                machine.collectDirty(region, into);
                assertPages(into, 2, 3, 4, 5);
                var again = new DirtyBitmap(region.size());
                machine.collectDirty(region, again);
                assertPages(again);
            }
        }
    }

    @Test
    void aRingThatIsFullLeavesTheGuest() {
        try (var memory = GuestMemory.ofSize(0x80_0000);
                var machine = new KvmHypervisor().createVirtualMachine(VirtualMachineConfig.of(memory))) {
            assumeTrue(machine.dirtyRing().isPresent(), "this KVM has no dirty rings");
            KvmDirtyRing ring = machine.dirtyRing().orElseThrow();
            ring.enable(1024);
            KvmVcpu vcpu = machine.createVcpu(0);
            // mov edi,0x100000; mov ecx,0x600; mov [edi],al; out 0x10,al; add edi,0x1000; loop; hlt
            // The OUT is for KVMs without virtualization hardware: they interpret many instructions in one go, look at
            // the ring only before they start, and overwrite what they have no room for.
            memory.write(0x1000, HexFormat.of()
                    .parseHex("bf00001000b9000600008807" + "e610" + "81c700100000" + "e2f4" + "f4"));
            vcpu.setSpecialRegisters(SpecialRegisters.protectedMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
            machine.startDirtyTracking();
            int full = 0;
            int harvested = 0;
            VcpuExit exit = vcpu.run();
            while (exit instanceof VcpuExit.DirtyRingFull || exit instanceof VcpuExit.PortWrite) {
                if (exit instanceof VcpuExit.DirtyRingFull) {
                    full++;
                    harvested += ring.harvest();
                }
                exit = vcpu.run();
            }
            assertThat(exit).isEqualTo(new VcpuExit.Halt());
            assertThat(full).isPositive();
            MemoryRegion region = memory.regions().getFirst();
            var into = new DirtyBitmap(region.size());
            machine.collectDirty(region, into);
            assertThat(into.dirtyPages()).isEqualTo(0x600);
            assertThat(harvested).isPositive();
        }
    }

    private static void assertDirty(Guest guest, MemoryRegion region, int... pages) {
        var into = new DirtyBitmap(region.size());
        guest.machine.collectDirty(region, into);
        assertPages(into, pages);
    }

    private static void assertPages(DirtyBitmap into, int... pages) {
        for (int page : pages) {
            assertThat(into.isDirty(page)).as("page " + page).isTrue();
        }
        assertThat(into.dirtyPages()).isEqualTo(pages.length);
    }
}
