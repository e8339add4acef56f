package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.TscControl;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.MsrExits;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.Doorbell.Space;
import dev.vz.kvm.KvmSyncRegisters.Part;
import dev.vz.kvm.KvmSyncRegisters.Register;
import dev.vz.testing.Peers;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a kernel's KVM may have or lack: each is there and works, or is empty. */
class FeaturesTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void theSystemTellsWhatItHas() {
        try (var system = KvmSystem.open()) {
            assertThat(system.apiVersion()).isEqualTo(12);
            assertThat(system.capabilities()).contains(KvmCapability.USER_MEMORY, KvmCapability.IMMEDIATE_EXIT);
            assertThat(system.check(KvmCapability.NR_MEMSLOTS)).isGreaterThan(30);
            assertThat(system.checkExtension(100_000)).isZero();
            assertThat(system.supportedCpuid().find(0, 0)).isPresent();
            assertThat(system.emulatedCpuid()).isNotNull();
            assertThat(system.hyperVCpuid().isPresent()).isEqualTo(system.has(KvmCapability.SYS_HYPERV_CPUID));
            assertThat(system.msrIndices()).contains(Msr.TSC, Msr.STAR);
            List<Integer> features = system.featureMsrIndices();
            assertThat(system.featureMsrs(features)).hasSameSizeAs(features);
            assertThatThrownBy(() -> system.featureMsrs(List.of(0x1357_9BDF)))
                    .isInstanceOf(ConfigurationException.class);
            assertThat(system.guestXstateComponents().isPresent()).isEqualTo(system.has(KvmCapability.SYS_ATTRIBUTES));
        }
    }

    @Test
    void whatTheKernelLacksCannotBeSwitchedOn() {
        try (var guest = Guest.realMode("f4"); var system = KvmSystem.open()) {
            for (KvmCapability capability : List.of(KvmCapability.XEN_HVM, KvmCapability.X86_SMM,
                    KvmCapability.SGX_ATTRIBUTE)) {
                if (!system.has(capability)) {
                    assertThatThrownBy(() -> guest.machine.enable(capability, 1))
                            .isInstanceOf(CapabilityException.class).hasMessageContaining(capability.kernelName());
                }
            }
            guest.machine.enable(KvmCapability.EXIT_ON_EMULATION_FAILURE, 1);
            assertThat(guest.machine.check(KvmCapability.EXIT_ON_EMULATION_FAILURE)).isPositive();
        }
    }

    @Test
    void writesWaitInTheRing() {
        // es=0xffff; 3 x mov es:[0x10],ax with ax=1,2,3; out 0x10,al; in al,0x11; hlt
        try (var guest = Guest.realMode("b8ffff 8ec0 b80100 26a31000 40 26a31000 40 26a31000 e610 e411 f4")) {
            KvmCoalescedIo io = guest.machine.coalescedIo().orElseThrow();
            var mmio = new AddressRange(0x10_0000, 0x1000);
            io.add(Space.MMIO, mmio);
            if (io.takesPorts()) {
                io.add(Space.PORT, new AddressRange(0x10, 1));
            }
            if (!io.takesPorts()) {
                assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 3));
            }
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortRead(0x11, 1, 1));
            var seen = new ArrayList<String>();
            int count = io.drain((space, address, size, value) -> seen
                    .add(space + " %x/%d=%x".formatted(address, size, value)));
            assertThat(seen).startsWith("MMIO 100000/2=1", "MMIO 100000/2=2", "MMIO 100000/2=3").hasSize(count);
            if (io.takesPorts()) {
                assertThat(seen).element(3).isEqualTo("PORT 10/1=3");
            }
            assertThat(io.drain((space, address, size, value) -> {
                throw new AssertionError("the ring is empty");
            })).isZero();
            io.remove(Space.MMIO, mmio);
            guest.vcpu.reset();
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x10_0000, 2, 1));
        }
    }

    @Test
    void theRingGoesRoundManyTimes() {
        // es=0xffff; cx=2000; mov es:[0x10],cx; loop; hlt
        try (var guest = Guest.realMode("b8ffff 8ec0 b9d007 26890e1000 e2f9 f4")) {
            KvmCoalescedIo io = guest.machine.coalescedIo().orElseThrow();
            io.add(Space.MMIO, new AddressRange(0x10_0000, 0x1000));
            var values = new ArrayList<Long>();
            while (true) {
                VcpuExit exit = guest.vcpu.run();
                io.drain((space, address, size, value) -> values.add(value));
                if (exit instanceof VcpuExit.MmioWrite write) {
                    values.add(write.value()); // the one that found the ring full
                } else {
                    assertThat(exit).isEqualTo(new VcpuExit.Halt());
                    break;
                }
            }
            assertThat(values).hasSize(2000).isSortedAccordingTo((a, b) -> Long.compare(b, a));
        }
    }

    @Test
    void accessesToUnknownMsrsLeaveAndAreAnswered() {
        // mov ecx,0x12345678; rdmsr; wrmsr; hlt
        try (var guest = Guest.realMode("66b978563412 0f32 6640 0f30 f4")) {
            ((MsrExits) guest.machine).exitOnUnknownMsrs(true);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MsrRead(0x1234_5678, 2));
            guest.vcpu.answer(0x1_0000_0041L);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MsrWrite(0x1234_5678, 2, 0x1_0000_0042L));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
        }
    }

    @Test
    void anMsrAccessCanBeAnsweredWithAFault() {
        try (var guest = Guest.realMode("66b978563412 0f32 f4")) {
            guest.memory.writeInt(4 * 13, 0x2000); // #GP
            guest.load(0x2000, "b013 e610 f4");
            ((MsrExits) guest.machine).exitOnUnknownMsrs(true);
            assertThat(guest.vcpu.run()).isInstanceOf(VcpuExit.MsrRead.class);
            guest.vcpu.answerFault();
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0x13));
            assertThatThrownBy(guest.vcpu::answerFault).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("no MSR access");
        }
    }

    @Test
    void filteredMsrsLeave() {
        // mov ecx,0xc0000082 (LSTAR); rdmsr; mov ecx,0xc0000083 (CSTAR); rdmsr; hlt
        try (var guest = Guest.realMode("66b9820000c0 0f32 66b9830000c0 0f32 f4")) {
            KvmMsrExits exits = guest.machine.msrExits().orElseThrow();
            Peers.require(exits.hasFilter(), "this KVM does not filter MSRs");
            exits.exitOn(EnumSet.of(KvmMsrExits.Reason.FILTERED));
            exits.setFilter(true, List.of(KvmMsrExits.Range.denied(Msr.LSTAR)));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MsrRead(Msr.LSTAR, 4));
            guest.vcpu.answer(5);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            var allowed = new BitSet();
            allowed.set(0);
            exits.setFilter(false, List.of(new KvmMsrExits.Range(Msr.LSTAR, 2, true, false, allowed)));
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MsrRead(Msr.CSTAR, 4));
        }
        assertThatThrownBy(() -> new KvmMsrExits.Range(0, 0x600 * 8 + 1, true, true, new BitSet()))
                .isInstanceOf(ConfigurationException.class);
    }

    @Test
    void performanceEventsAreFiltered() {
        try (var guest = Guest.realMode("f4")) {
            Peers.require(guest.machine.pmuFilter().isPresent(), "this KVM does not filter performance events");
            KvmPmuFilter filter = guest.machine.pmuFilter().orElseThrow();
            filter.allow(List.of(0x3CL, 0xC0L), 1);
            filter.deny(List.of(0x76L), 0);
            assertThatThrownBy(() -> filter.allow(java.util.Collections.nCopies(301, 1L), 0))
                    .isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void countersDescribeThemselves() {
        try (var guest = Guest.realMode("b90500 e610 e2fc f4")) {
            Peers.require(guest.machine.statistics().isPresent(), "this KVM has no statistics");
            try (KvmStatistics ofMachine = guest.machine.statistics().orElseThrow();
                    KvmStatistics ofVcpu = guest.vcpu.processor().statistics().orElseThrow()) {
                while (guest.vcpu.run() instanceof VcpuExit.PortWrite write) {
                    assertThat(write.port()).isEqualTo(0x10);
                }
                List<KvmStatistic> counters = ofVcpu.read();
                assertThat(counters).extracting(KvmStatistic::name).contains("exits", "io_exits", "halt_exits")
                        .doesNotHaveDuplicates();
                KvmStatistic io = counters.stream().filter(c -> c.name().equals("io_exits")).findFirst().orElseThrow();
                assertThat(io.type()).isEqualTo(KvmStatistic.Type.CUMULATIVE);
                assertThat(io.unit()).isEqualTo(KvmStatistic.Unit.NONE);
                assertThat(counters).filteredOn(c -> c.type() == KvmStatistic.Type.LOGARITHMIC_HISTOGRAM)
                        .allSatisfy(c -> assertThat(c.values()).hasSizeGreaterThan(1));
                assertThat(ofMachine.read()).extracting(KvmStatistic::name).contains("remote_tlb_flush");
            }
        }
    }

    @Test
    void registersComeAndGoWithExits() {
        // out 0x10,al; inc ax; out 0x10,al; hlt
        try (var guest = Guest.realMode("e610 40 e610 f4")) {
            Peers.require(guest.vcpu.processor().syncRegisters().isPresent(),
                    "this KVM does not synchronize registers");
            KvmSyncRegisters sync = guest.vcpu.processor().syncRegisters().orElseThrow();
            assertThatThrownBy(() -> sync.get(Register.RAX)).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("request them first");
            sync.request(sync.supported());
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
            assertThat(sync.general()).isEqualTo(guest.vcpu.registers());
            assertThat(sync.special()).isEqualTo(guest.vcpu.specialRegisters());
            assertThat(sync.events()).isEqualTo(guest.vcpu.events());
            guest.vcpu.kick();
            guest.vcpu.run(); // completes the access
            assertThat(sync.get(Register.RIP)).isEqualTo(Guest.CODE + 2);
            sync.set(Register.RAX, 0x41);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0x42));
            GeneralRegisters registers = sync.general();
            assertThat(registers.rax()).isEqualTo(0x42);
            sync.setGeneral(registers.withRbx(7));
            sync.setSpecial(sync.special().withCr2(9));
            sync.setEvents(sync.events());
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rbx()).isEqualTo(7);
            sync.request(Set.of(Part.SPECIAL));
            assertThatThrownBy(sync::general).isInstanceOf(LifecycleException.class);
        }
    }

    @Test
    void theGuestsClockIsReadAndSet() throws InterruptedException {
        try (var guest = Guest.realMode("f4")) {
            guest.machine.setClockNanos(1_000_000_000_000L);
            long now = guest.machine.clockNanos();
            assertThat(now).isBetween(1_000_000_000_000L, 1_100_000_000_000L);
            Thread.sleep(2);
            assertThat(guest.machine.clockNanos()).isGreaterThan(now + 1_000_000);
            KvmClockReading reading = guest.machine.clockReading();
            if (reading.realtime().isPresent()) {
                long ago = reading.realtimeNanos() - 3_000_000_000L;
                assertThat(guest.machine.setClockSince(5_000_000_000L, ago)).isTrue();
                assertThat(guest.machine.clockNanos()).isBetween(8_000_000_000L, 100_000_000_000L);
            }
        }
    }

    @Test
    void theProcessorsClockIsSetOnlyWhereItCanBe() {
        try (var guest = Guest.realMode("f4"); var system = KvmSystem.open()) {
            assertThat(guest.vcpu instanceof TscControl).isEqualTo(system.has(KvmCapability.TSC_CONTROL));
            if (guest.vcpu instanceof TscControl clock) {
                clock.setTscKilohertz(1_000_000);
                assertThat(clock.tscKilohertz()).isEqualTo(1_000_000);
            }
        }
    }

    @Test
    void systemManagementInterruptsAreThereOrNot() {
        try (var guest = Guest.empty(Interrupts.FULL, 1); var system = KvmSystem.open()) {
            assertThat(guest.vcpu.processor().smi()).isEqualTo(system.has(KvmCapability.X86_SMM));
            assertThat(guest.vcpu.events().smi().pending()).isEqualTo(system.has(KvmCapability.X86_SMM));
        }
    }

    @Test
    void tprAccessesAreReportedAndTheVapicIsPlaced() {
        try (var guest = Guest.empty(Interrupts.FULL, 1)) {
            KvmProcessor processor = guest.vcpu.processor();
            processor.reportTprAccess(true);
            processor.setVapicAddress(0x5000);
            processor.setVapicAddress(0);
            processor.reportTprAccess(false);
            assertThat(processor.runFlags()).isZero();
        }
    }
}
