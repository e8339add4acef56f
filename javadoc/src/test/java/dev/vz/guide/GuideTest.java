package dev.vz.guide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.VnetHeader;
import dev.vz.memory.GuestMemory;
import dev.vz.net.capture.CaptureReader;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the guide shows does what the guide says. */
class GuideTest {

    private static Hypervisor hypervisor() {
        Peers.require(Hypervisors.all().stream().anyMatch(each -> each.availability().isAvailable()),
                "no hypervisor can be used on this host");
        return Hypervisors.best();
    }

    @Test
    void twoAndThreeAreFive() {
        assertThat(HelloVcpu.run(hypervisor())).isEqualTo("5");
    }

    @Test
    void theFirstGuestTellsItsAnswer() {
        hypervisor();
        var printed = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            FirstGuest.main();
        } finally {
            System.setOut(before);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8).strip())
                .isEqualTo("PortWrite[port=16, size=1, count=1, value=42]");
    }

    @Test
    void isolatedGuestsReachTheUplinkOnlyAndAreRecorded(@TempDir Path folder) {
        try (var first = new LinkPair("first", LinkFeatures.all());
                var second = new LinkPair("second", LinkFeatures.all());
                var uplink = new LinkPair("uplink", LinkFeatures.all())) {
            int[] arrived = new int[2];
            second.b().receive(batch -> {
                arrived[0] += batch.count();
                return batch.count();
            });
            uplink.b().receive(batch -> {
                arrived[1] += batch.count();
                return batch.count();
            });
            MemorySegment frame = Arena.ofAuto().allocate(VnetHeader.SIZE + 60L);
            EthernetHeader.set(frame, VnetHeader.SIZE, 0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, 0x88B5);
            var frames = new FrameBatch();
            frames.add(frame, 0, VnetHeader.SIZE + 60);
            IsolatedGuests.connect(first.a(), second.a(), uplink.a(), folder.resolve("all.pcapng"),
                    () -> assertThat(first.b().send(frames)).isEqualTo(1));
            assertThat(arrived).containsExactly(0, 1);
        }
        try (var reader = CaptureReader.open(folder.resolve("all.pcapng"))) {
            assertThat(reader.next()).isTrue();
            assertThat(reader.frameLength()).isEqualTo(60);
        }
    }

    @Test
    void aVcpuTakesFortyLines() throws IOException {
        long lines = Files.readString(Path.of("src/snippets/java/dev/vz/guide/HelloVcpu.java")).lines()
                .filter(line -> !line.startsWith("import ") && !line.startsWith("// @"))
                .count();
        assertThat(lines).isLessThanOrEqualTo(40);
    }

    @Test
    void memoryIsLaidOutAsTheChapterSays() {
        try (GuestMemory simple = MemoryTour.simple();
                GuestMemory pc = MemoryTour.pc(64L << 20);
                GuestMemory regions = MemoryTour.regions()) {
            assertThat(simple.size()).isEqualTo(16L << 20);
            assertThat(pc.regions()).hasSize(1);
            assertThat(regions.contains(0xFFFF_FFF0L, 16)).isTrue();
            assertThat(regions.regions().getLast().readOnly()).isTrue();
        }
    }

    @Test
    void memoryIsReadAndWrittenAsTheChapterSays() {
        try (GuestMemory memory = MemoryTour.simple()) {
            assertThat(MemoryTour.typed(memory)).isEqualTo("3344 console=ttyS0");
            assertThat(MemoryTour.publish(memory, 0x5000, (short) 7)).isTrue();
            assertThat(MemoryTour.outside(memory)).contains("8 bytes").contains("0xdead0000");
            assertThat(MemoryTour.dirty(memory)).isEqualTo(3);
        }
    }

    @Test
    void aHostileBufferIsAnsweredAndNotThrownAt() {
        try (GuestMemory memory = MemoryTour.simple()) {
            memory.fill(0x6000, 16, (byte) 2);
            assertThat(MemoryTour.checksum(memory, 0x6000, 16)).isEqualTo(32);
            assertThat(MemoryTour.checksum(memory, 0x6000, -1)).isEqualTo(-1);
            assertThat(MemoryTour.checksum(memory, 0x6000, Long.MAX_VALUE)).isEqualTo(-1);
            assertThat(MemoryTour.checksum(memory, -4, 16)).isEqualTo(-1);
        }
    }

    @Test
    void aDeviceAnswersOnItsBus() {
        var ports = new IoBus("port");
        ExitLoops.attach(ports);
        assertThat(ports.attachments()).isEmpty();
    }

    @Test
    void bothFormsOfExitsReachTheSameDevice() {
        Hypervisor hypervisor = hypervisor();
        assertThat(onePort(hypervisor, false)).isEqualTo(0x2A);
        assertThat(onePort(hypervisor, true)).isEqualTo(0x2A);
    }

    /** Runs {@code mov al, 0x2A; mov dx, 0x500; out dx, al; hlt} and returns what port 0x500 holds. */
    private static long onePort(Hypervisor hypervisor, boolean records) {
        var ports = new IoBus("port");
        var mmio = new IoBus("mmio");
        ports.attach(new AddressRange(0x500, 8), new Scratchpad());
        try (var memory = MemoryTour.simple();
                var machine = hypervisor.createVirtualMachine(VirtualMachineConfig.of(memory));
                var vcpu = machine.createVcpu(0)) {
            memory.write(0x1000, new byte[] {(byte) 0xB0, 0x2A, (byte) 0xBA, 0x00, 0x05, (byte) 0xEE, (byte) 0xF4});
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
            if (records) {
                assertThat(ExitLoops.runOnRecords(vcpu, ports, mmio)).isInstanceOf(VcpuExit.Halt.class);
            } else {
                assertThat(vcpu.run(new ExitLoops.Dispatch(ports, mmio))).isEqualTo(Vcpu.Outcome.LEFT);
            }
        }
        return ports.read(0x500, 1);
    }

    @Test
    void aKickStopsAGuestThatNeverEnds() throws InterruptedException {
        Hypervisor hypervisor = hypervisor();
        var ports = new IoBus("port");
        try (var memory = MemoryTour.simple();
                var machine = hypervisor.createVirtualMachine(VirtualMachineConfig.of(memory));
                var vcpu = machine.createVcpu(0)) {
            memory.write(0x1000, new byte[] {(byte) 0xEB, (byte) 0xFE}); // jmp $
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
            assertThat(ExitLoops.stop(vcpu, new ExitLoops.Dispatch(ports, ports))).isEqualTo(Vcpu.Outcome.KICKED);
        }
    }
}
