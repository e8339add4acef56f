package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.Doorbell;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Machines come and go and leave nothing behind. */
@Timeout(300)
class LifetimeTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void manyMachinesLeaveNoDescriptorNoMappingAndNoThread() throws Exception {
        for (int i = 0; i < 20; i++) {
            liveOnce(i); // what is made once for all: classes, caches
        }
        List<String> descriptors = descriptors();
        List<String> mappings = kvmMappings();
        long threads = eventThreads();
        // As many as a busy host has time for.
        long enough = System.nanoTime() + 45_000_000_000L;
        for (int i = 0; i < 1_000 && (i < 200 || System.nanoTime() < enough); i++) {
            liveOnce(i);
        }
        assertThat(descriptors()).hasSameSizeAs(descriptors);
        assertThat(kvmMappings()).isEqualTo(mappings).isEmpty();
        assertThat(eventThreads()).isEqualTo(threads).isZero();
    }

    /** A machine of each kind by turns, with everything that holds a descriptor or a mapping. */
    private static void liveOnce(int turn) throws InterruptedException {
        Interrupts interrupts = Interrupts.values()[turn % 3];
        try (Guest guest = Guest.realMode(interrupts, "ba1000 ef ebfe")) {
            guest.machine.register(Doorbell.Address.port(0x20, 2), () -> {});
            if (guest.machine instanceof MsiSink sink) {
                sink.vector(Msi.fixed(0, 0x40)).eventFd();
            }
            if (interrupts == Interrupts.FULL) {
                ((InterruptLine.Resampled) guest.machine.line(20)).onEndOfInterrupt(() -> {});
            }
            assertThat(guest.vcpu.run()).isInstanceOf(VcpuExit.PortWrite.class);
            if (turn % 10 == 0) {
                // Somebody is inside when it ends.
                Thread runner = Thread.ofPlatform().start(guest.vcpu::run);
                Thread.sleep(1);
                guest.machine.close();
                runner.join();
            }
        }
    }

    @Test
    void whatFailsHalfWayLeavesNothing() throws IOException {
        try (var memory = GuestMemory.ofSize(0x10000); var arena = Arena.ofConfined()) {
            var hypervisor = new KvmHypervisor();
            var page = arena.allocate(0x1000, 0x1000);
            memory.add(MemoryRegion.borrowed(MachineBuilder.TSS, page)); // the kernel has its own there on some hosts
            memory.add(MemoryRegion.borrowed(0xFFFF_FFFF_FFFF_E000L, page)); // beyond every physical address
            failToBuild(hypervisor, memory);
            List<String> before = descriptors();
            for (int i = 0; i < 50; i++) {
                failToBuild(hypervisor, memory);
            }
            assertThat(descriptors()).hasSameSizeAs(before);
        }
    }

    private static void failToBuild(KvmHypervisor hypervisor, GuestMemory memory) {
        assertThatThrownBy(() -> hypervisor.createVirtualMachine(VirtualMachineConfig.of(memory)))
                .isInstanceOfAny(dev.vz.error.HostException.class, ConfigurationException.class);
    }

    @Test
    void manyMachinesLiveInOneProcess() throws InterruptedException {
        var guests = new ArrayList<Guest>();
        var threads = new ArrayList<Thread>();
        try {
            for (int i = 0; i < 20; i++) {
                Guest guest = Guest.realMode(i % 2 == 0 ? Interrupts.NONE : Interrupts.FULL, "ba1000 ef ebfd");
                guests.add(guest);
                threads.add(Thread.ofPlatform().start(() -> guest.vcpu.run(new Ports() {
                    private int left = 1_000;

                    @Override
                    public void portWrite(int port, int size, long value) {
                        if (--left == 0) {
                            guest.vcpu.kick();
                        }
                    }
                })));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        } finally {
            guests.forEach(Guest::close);
        }
        assertThat(guests).hasSize(20);
    }

    @Test
    void vcpuNumbersAreInRangeAndTakenOnce() {
        try (var guest = Guest.empty(Interrupts.FULL, 2)) {
            assertThatThrownBy(() -> guest.machine.createVcpu(0)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("has vCPU 0 already");
            assertThatThrownBy(() -> guest.machine.createVcpu(2)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("there is no vCPU 2");
            assertThatThrownBy(() -> guest.machine.createVcpu(-1)).isInstanceOf(ConfigurationException.class);
            KvmVcpu second = guest.machine.createVcpu(1);
            assertThat(guest.machine.vcpus()).containsExactly(guest.vcpu, second);
        }
    }

    @Test
    void aClosedMachineSaysSo() {
        var guest = Guest.realMode("f4");
        guest.machine.close();
        guest.machine.close();
        assertThatThrownBy(() -> guest.machine.createVcpu(0)).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("is closed");
        assertThatThrownBy(guest.vcpu::registers).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("is closed");
        assertThatThrownBy(guest.machine::clockNanos).isInstanceOf(LifecycleException.class);
        guest.vcpu.kick();
        guest.vcpu.nmi();
        guest.close();
    }

    @Test
    void aVcpuThatRunsCannotBeClosedAlone() throws InterruptedException {
        try (var guest = Guest.realMode("ebfe")) {
            Thread runner = Thread.ofPlatform().start(guest.vcpu::run);
            while (true) {
                try {
                    guest.vcpu.registers();
                } catch (LifecycleException running) {
                    break;
                }
            }
            assertThatThrownBy(guest.vcpu::close).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("is running");
            guest.vcpu.kick();
            runner.join();
            guest.vcpu.close();
            guest.vcpu.close();
            assertThatThrownBy(guest.vcpu::run).isInstanceOf(LifecycleException.class);
        }
    }

    @Test
    void aDescriptorInTheMachinesMemoryOutlivesIt() {
        try (var memory = GuestMemory.ofSize(0x10000)) {
            memory.write(0x1000, HexFormat.of().parseHex("f4"));
            for (int i = 0; i < 3; i++) {
                try (var machine = new KvmHypervisor().createVirtualMachine(VirtualMachineConfig.of(memory))) {
                    machine.createVcpu(0);
                }
            }
            assertThat(memory.readByte(0x1000)).isEqualTo((byte) 0xF4);
        }
    }

    private static List<String> descriptors() throws IOException {
        try (Stream<Path> entries = Files.list(Path.of("/proc/self/fd"))) {
            return entries.map(entry -> {
                try {
                    return Files.readSymbolicLink(entry).toString();
                } catch (IOException gone) {
                    return "the list itself";
                }
            }).filter(target -> target.startsWith("anon_inode") || target.startsWith("/dev/kvm")).sorted().toList();
        }
    }

    private static List<String> kvmMappings() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream().filter(line -> line.contains("kvm")).toList();
    }

    private static long eventThreads() {
        return Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("kvm-events")).count();
    }
}
