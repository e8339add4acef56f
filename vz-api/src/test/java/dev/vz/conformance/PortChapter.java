package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExit.PortRead;
import dev.vz.cpu.VcpuExit.PortWrite;
import dev.vz.hypervisor.Capability;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code IN} and {@code OUT} leave the guest with port, size and value, and come back with the answer. */
interface PortChapter extends Chapter {

    @ParameterizedTest
    @CsvSource({"REAL,1", "REAL,2", "REAL,4", "FLAT32,1", "FLAT32,2", "FLAT32,4", "LONG64,1", "LONG64,2", "LONG64,4",
        "USER64,1", "USER64,2", "USER64,4"})
    default void writesPortsOfEverySize(GuestMode mode, int size) {
        long mask = -1L >>> 64 - 8 * size;
        try (Guest guest = guest(mode).code(a -> a.mov(4, AX, 0x8765_4321L).out(size, 0x60).mov(4, AX, 0xFEDC_BA98L)
                .mov(2, DX, 0xFFF0).outDx(size).end()).build()) {
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new PortWrite(0x60, size, 1, 0x8765_4321L & mask),
                    new PortWrite(0xFFF0, size, 1, 0xFEDC_BA98L & mask));
        }
    }

    @ParameterizedTest
    @CsvSource({"REAL,1", "REAL,2", "REAL,4", "FLAT32,1", "FLAT32,2", "FLAT32,4", "LONG64,1", "LONG64,2", "LONG64,4",
        "USER64,1", "USER64,2", "USER64,4"})
    default void readsPortsOfEverySizeIntoTheirPartOfTheRegister(GuestMode mode, int size) {
        int word = mode.wordSize();
        long before = word == 8 ? 0x1111_2222_3333_4444L : word == 4 ? 0x3333_4444L : 0x4444;
        try (Guest guest = guest(mode).code(a -> a.mov(word, AX, before).in(size, 0x60).mov(word, BX, AX)
                .mov(word, AX, before).mov(2, DX, 0x3F8).inDx(size).mov(word, CX, AX).end()).build()
                .answering(0xFFFF_FFFF_89AB_CDEFL, 0x0102_0304)) {
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new PortRead(0x60, size, 1), new PortRead(0x3F8, size, 1));
            long mask = -1L >>> 64 - 8 * size;
            // A 32-bit result clears the upper half of the register, smaller ones leave the rest alone.
            long kept = size == 4 ? 0 : before & ~mask;
            long width = -1L >>> 64 - 8 * word;
            assertThat(guest.vcpu().registers().rbx()).isEqualTo((kept | 0x89AB_CDEFL & mask) & width);
            assertThat(guest.vcpu().registers().rcx()).isEqualTo((kept | 0x0102_0304L & mask) & width);
        }
    }

    @Test
    default void reachesTheFirstAndTheLastPort() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(1, AX, 1).mov(4, DX, 0).outDx(1).mov(4, DX, 0xFFFF)
                .outDx(1).inDx(1).end()).build()) {
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new PortWrite(0, 1, 1, 1), new PortWrite(0xFFFF, 1, 1, 1),
                    new PortRead(0xFFFF, 1, 1));
        }
    }

    @Test
    default void losesAndRepeatsNoAccess() {
        int count = 5_000;
        try (Guest guest = guest(GuestMode.FLAT32).code(a -> a.mov(4, CX, count).label("next").mov(4, AX, CX)
                .out(4, 0x80).in(4, 0x84).alu(Alu.CMP, 4, AX, CX).jump(NE, "wrong").dec(4, CX).jump(NE, "next").end()
                .label("wrong").hlt()).build()) {
            var expected = new ArrayList<VcpuExit>();
            for (int i = count; i > 0; i--) {
                expected.add(new PortWrite(0x80, 4, 1, i));
                expected.add(new PortRead(0x84, 4, 1));
                guest.recorder().answer(i);
            }
            guest.runToEnd();
            assertThat(guest.exits()).isEqualTo(expected);
        }
    }

    @Test
    default void readsZerosWhereNobodyAnswers() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(8, AX, -1).in(4, 0x60).end()).build()) {
            assertThat(guest.vcpu().run()).isEqualTo(new PortRead(0x60, 4, 1));
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isZero();
        }
    }

    @Test
    default void refusesPortsAtPrivilegeLevelThreeWithoutPermission() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.out(1, 0x60).out(2, 0x67).end()).build()) {
            guest.memory().writeByte(GuestLayout.TSS + 0x68 + 0x68 / 8, (byte) 1); // port 0x68
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.GP);
            assertThat(fault.errorCode()).isZero();
            assertThat(fault.ip()).as("a word at 0x67 reaches 0x68").isEqualTo(GuestLayout.CODE + 2);
            assertThat(guest.exits()).hasSize(1);
        }
    }

    @Test
    default void permitsPortsAtPrivilegeLevelThreeByIopl() {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.out(4, 0x60).end()).build()) {
            guest.memory().writeShort(GuestLayout.TSS + GuestLayout.IO_MAP_BASE, (short) 0xFFFF); // no bitmap
            guest.vcpu().setRegisters(guest.vcpu().registers().withRflags(0x3002));
            guest.runToEnd();
            assertThat(guest.exits()).hasSize(1);
        }
    }

    @Test
    default void answersSeveralReadsInTheirOrder() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.in(1, 0x10).mov(4, BX, AX).in(1, 0x11).mov(4, CX, AX)
                .in(1, 0x12).mov(4, DX, AX).end()).build().answering(1, 2, 3)) {
            guest.runToEnd();
            assertThat(List.of(guest.vcpu().registers().rbx(), guest.vcpu().registers().rcx(),
                    guest.vcpu().registers().rdx())).containsExactly(1L, 2L, 3L);
        }
    }
}
