package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.LifecycleException;
import dev.vz.testing.Peers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** KVM_RUN and the exits that every guest has. */
class RunTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void portWritesLeaveWithTheirValue() {
        try (var guest = Guest.realMode("b042 baf803 ee  66b878563412 66ef  f4")) {
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x3F8, 1, 1, 0x42));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x3F8, 4, 1, 0x1234_5678));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
        }
    }

    @Test
    void portReadsTakeTheAnswer() {
        try (var guest = Guest.realMode("ba1000 ed a30020 ec f4")) {
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortRead(0x10, 2, 1));
            guest.vcpu.answer(0xBEEF);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortRead(0x10, 1, 1));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.memory.readShort(0x2000)).isEqualTo((short) 0xBEEF);
            assertThat(guest.vcpu.registers().rax()).as("an unanswered read reads as zero").isEqualTo(0xBE00);
        }
    }

    @Test
    void stringWritesComeAsOneExitOrInPieces() {
        // mov si,0x2000; mov cx,5; mov dx,0x10; cld; rep outsb; hlt
        try (var guest = Guest.realMode("be0020 b90500 ba1000 fc f36e f4")) {
            guest.memory.write(0x2000, "hello".getBytes(StandardCharsets.US_ASCII));
            var text = new StringBuilder();
            VcpuExit exit = guest.vcpu.run();
            while (exit instanceof VcpuExit.PortWrite write) {
                MemorySegment data = guest.vcpu.exitData();
                assertThat(data.byteSize()).isEqualTo((long) write.size() * write.count());
                for (long i = 0; i < data.byteSize(); i++) {
                    text.append((char) data.get(ValueLayout.JAVA_BYTE, i));
                }
                exit = guest.vcpu.run();
            }
            assertThat(exit).isEqualTo(new VcpuExit.Halt());
            assertThat(text).hasToString("hello");
        }
    }

    @Test
    void mmioReadsAndWritesOfEverySizeLeave() {
        // The first MiB is memory; ES = 0xffff reaches the 64 KiB after it. Byte and word, then dword, read and write.
        try (var guest = Guest.realMode("b8ffff 8ec0 26a00010 26a30820 6626a11030 6626a32040 f4")) {
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioRead(0x100FF0, 1));
            guest.vcpu.answer(0x5A);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x101FF8, 2, 0xFF5A));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioRead(0x103000, 4));
            guest.vcpu.answer(0xCAFE_BABEL);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x104010, 4, 0xCAFE_BABEL));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
        }
    }

    @Test
    void handlersGetPrimitives() {
        try (var guest = Guest.realMode("ba1000 ec 42 ee b8ffff 8ec0 26a00010 26a30820 f4")) {
            var seen = new ArrayList<String>();
            Vcpu.Outcome outcome = guest.vcpu.run(new Recorder(seen));
            assertThat(outcome).isEqualTo(Vcpu.Outcome.LEFT);
            assertThat(seen).containsExactly("in 10/1", "out 11/1=77", "read 100ff0/1", "write 101ff8/2=ff66", "hlt");
        }
    }

    @Test
    void whatAHandlerThrowsComesOutOfRunAndTheRunCanGoOn() {
        try (var guest = Guest.realMode("ba1000 ec f4")) {
            var handler = new Recorder(new ArrayList<>()) {
                @Override
                public long portRead(int port, int size) {
                    throw new IllegalStateException("device broke");
                }
            };
            assertThatThrownBy(() -> guest.vcpu.run(handler)).hasMessage("device broke");
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rax()).isZero();
        }
    }

    @Test
    void aTripleFaultIsAShutdown() {
        try (var guest = Guest.realMode("0f0b")) {
            guest.vcpu.setSpecialRegisters(SpecialRegisters.protectedMode().withIdt(new DescriptorTable(0, 0)));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Shutdown());
        }
    }

    @Test
    void anAnswerNobodyAskedForIsRefused() {
        try (var guest = Guest.realMode("f4")) {
            guest.vcpu.run();
            assertThatThrownBy(() -> guest.vcpu.answer(1)).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("vCPU 0 of machine \"test\"").hasMessageContaining("no answer");
        }
    }

    @Test
    void aVirtualThreadIsRefused() throws InterruptedException {
        try (var guest = Guest.realMode("f4")) {
            var thrown = new ArrayList<Throwable>();
            Thread.ofVirtual().start(() -> {
                try {
                    guest.vcpu.run();
                } catch (LifecycleException refused) {
                    thrown.add(refused);
                }
            }).join();
            assertThat(thrown).hasSize(1);
            assertThat(thrown.getFirst()).hasMessageContaining("platform thread");
        }
    }

    @Test
    void registersAreReadAndWrittenBetweenRuns() {
        try (var guest = Guest.realMode("40 f4 40 f4")) {
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            GeneralRegisters registers = guest.vcpu.registers();
            assertThat(registers.rax()).isEqualTo(1);
            guest.vcpu.setRegisters(registers.withRax(41));
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rax()).isEqualTo(42);
        }
    }

    private static class Recorder implements VcpuExitHandler {
        private final List<String> seen;

        Recorder(List<String> seen) {
            this.seen = seen;
        }

        @Override
        public long portRead(int port, int size) {
            seen.add("in %x/%d".formatted(port, size));
            return 0x77;
        }

        @Override
        public void portWrite(int port, int size, long value) {
            seen.add("out %x/%d=%x".formatted(port, size, value));
        }

        @Override
        public long mmioRead(long gpa, int size) {
            seen.add("read %x/%d".formatted(gpa, size));
            return 0x66;
        }

        @Override
        public void mmioWrite(long gpa, int size, long value) {
            seen.add("write %x/%d=%x".formatted(gpa, size, value));
        }

        @Override
        public boolean halt() {
            seen.add("hlt");
            return false;
        }

        @Override
        public boolean exit(VcpuExit exit) {
            seen.add(exit.toString());
            return false;
        }
    }
}
