package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vz.bus.AddressRange;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.linux.Errno;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.testing.Peers;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pages that are the guest's own, where the kernel knows such. */
@Timeout(120)
class MemoryAttributesTest {

    private static final AddressRange PAGES = new AddressRange(0x10_0000, 0x2000);

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void aMachineHasThemExactlyWhereItsKernelSaysSo() {
        try (var guest = Guest.realMode("f4")) {
            int supported = guest.machine.check(KvmCapability.MEMORY_ATTRIBUTES);
            assertThat(guest.machine.memoryAttributes().map(KvmMemoryAttributes::supported).orElse(0L))
                    .isEqualTo(supported);
        }
    }

    @Test
    void aTypeOfMachineThatTheKernelLacksIsRefused() {
        try (var system = KvmSystem.open(); var memory = GuestMemory.ofSize(0x1000)) {
            assertThat(system.machineTypes()).contains(KvmMachineType.DEFAULT);
            assumeTrue(!system.machineTypes().contains(KvmMachineType.SOFTWARE_PROTECTED),
                    "this kernel has protected machines");
            assertThatThrownBy(() -> system.createVirtualMachine(VirtualMachineConfig.of(memory),
                    KvmMachineType.SOFTWARE_PROTECTED)).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining("SOFTWARE_PROTECTED").hasMessageContaining("KVM_CAP_VM_TYPES");
        }
    }

    @Test
    void rangesThatAreNoPagesAreRefusedBeforeTheKernelIsAsked() {
        try (var guest = Guest.realMode("f4")) {
            var attributes = new KvmMemoryAttributes(guest.machine.descriptor(), 8);
            for (AddressRange range : new AddressRange[] {new AddressRange(0x800, 0x1000), new AddressRange(0, 0x800),
                new AddressRange(1L << 52, 0x1000)}) {
                assertThatThrownBy(() -> attributes.makePrivate(range)).isInstanceOf(ConfigurationException.class)
                        .hasMessageContaining(range.toString());
            }
        }
    }

    @Test
    void aKernelThatDoesNotOfferPrivatePagesIsNotAskedForThem() {
        try (var guest = Guest.realMode("f4")) {
            assertThatThrownBy(() -> new KvmMemoryAttributes(guest.machine.descriptor(), 0).makePrivate(PAGES))
                    .isInstanceOf(CapabilityException.class).hasMessageContaining("no private pages");
        }
    }

    @Test
    void whatTheKernelRefusesIsNamed() {
        try (var guest = Guest.realMode("f4")) {
            assumeTrue(guest.machine.memoryAttributes().isEmpty(), "this kernel has attributes for plain machines");
            assertThatThrownBy(() -> new KvmMemoryAttributes(guest.machine.descriptor(), 8).makePrivate(PAGES))
                    .isInstanceOfSatisfying(HostException.class, refused -> {
                        assertThat(refused.errno()).isIn(Errno.ENOTTY, Errno.EINVAL);
                        assertThat(refused).hasMessageContaining("KVM_SET_MEMORY_ATTRIBUTES of [0x100000-0x101fff]");
                    });
        }
    }

    @Test
    void aPrivatePageComesFromTheFileAndASharedOneFromThisProcess() {
        try (var system = KvmSystem.open()) {
            assumeTrue(system.machineTypes().contains(KvmMachineType.SOFTWARE_PROTECTED),
                    "this kernel has no protected machines");
            MemoryRequest request = MemoryRequest.of(0x4000);
            try (var memory = GuestMemory.ofSize(0x10_0000); var block = MemoryAllocator.preferred(request)
                    .allocate(request);
                    var machine = system.createVirtualMachine(VirtualMachineConfig.of(memory),
                            KvmMachineType.SOFTWARE_PROTECTED)) {
                // es=0xffff; mov al,[es:0x1010]; hlt
                memory.write(0x1000, HexFormat.of().parseHex("b8ffff8ec026a01010f4"));
                KvmMemoryAttributes attributes = machine.memoryAttributes().orElseThrow();
                try (KvmGuestMemoryFile file = machine.createGuestMemoryFile(0x4000, false).orElseThrow()) {
                    KvmMemorySlot slot = machine.memorySlots().add(MemoryRegion.borrowed(0x10_0000, block.segment()),
                            file, 0);
                    KvmVcpu vcpu = machine.createVcpu(0);
                    block.segment().set(ValueLayout.JAVA_BYTE, 0x1000, (byte) 0x5A);
                    // A machine protected in software only touches a page as what the attributes say it is.
                    attributes.makePrivate(PAGES);
                    assertThat(byteReadBy(vcpu)).isZero();
                    attributes.makeShared(PAGES);
                    assertThat(byteReadBy(vcpu)).isEqualTo(0x5A);
                    machine.memorySlots().remove(slot);
                }
            }
        }
    }

    private static long byteReadBy(KvmVcpu vcpu) {
        vcpu.setSpecialRegisters(SpecialRegisters.realMode());
        vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
        assertThat(vcpu.run()).isEqualTo(new VcpuExit.Halt());
        return vcpu.registers().rax() & 0xFF;
    }
}
