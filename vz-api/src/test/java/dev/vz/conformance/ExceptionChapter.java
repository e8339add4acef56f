package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.GuestLayout.PAGE_TABLE;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DX;
import static dev.vz.conformance.Register.SP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.hypervisor.Capability;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Faults and traps reach the guest's own handlers with vector, error code and return address (Intel SDM 3A, 6.15). */
interface ExceptionChapter extends Chapter {

    private GuestFault fault(GuestMode mode, Consumer<Assembler> code) {
        try (Guest guest = guest(mode).code(code).build()) {
            return guest.runToFault();
        }
    }

    @ParameterizedTest
    @EnumSource
    default void dividesByZero(GuestMode mode) {
        if (mode == GuestMode.SEGMENTED32) {
            requires(Capability.FULL_SYSTEM); // frames on a stack segment that has a base
        }
        GuestFault fault = fault(mode, a -> a.mov(2, AX, 7).mov(2, DX, 0).mov(2, CX, 0).div(2, CX).end());
        assertThat(fault.vector()).isEqualTo(GuestFault.DE);
        int prefixed = mode == GuestMode.REAL ? 3 : 4;
        assertThat(fault.ip()).as("a fault points to the instruction").isEqualTo(mode.origin() + 3 * prefixed);
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "FLAT32", "LONG64", "USER64"})
    default void goesOnAfterAHandlerThatSkipsTheInstruction(GuestMode mode) {
        requiresReturnFromHandlers(mode);
        int word = mode.wordSize();
        int length = mode == GuestMode.REAL ? 2 : 3;
        try (Guest guest = guest(mode).handler(GuestFault.DE, a -> {
            if (mode == GuestMode.REAL) {
                a.mov(2, Register.BP, SP).alu(Alu.ADD, 2, at(Register.BP), length).iret();
            } else {
                a.alu(Alu.ADD, word, at(SP), length).iret();
            }
        }).code(a -> a.mov(2, AX, 7).mov(2, DX, 0).mov(2, CX, 0).div(2, CX).mov(2, BX, 0x600D).end()).build()) {
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(0x600D);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void knowsInstructionsThatDoNotExist(GuestMode mode) {
        GuestFault fault = fault(mode, a -> a.nop().ud2());
        assertThat(fault.vector()).isEqualTo(GuestFault.UD);
        assertThat(fault.ip()).isEqualTo(GuestLayout.CODE + 1);
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "FLAT32"})
    default void knowsInstructionsThatDoNotExistIn16And32BitCode(GuestMode mode) {
        requires(Capability.FULL_SYSTEM);
        assertThat(fault(mode, a -> a.nop().ud2()).vector()).isEqualTo(GuestFault.UD);
    }

    @ParameterizedTest
    @EnumSource
    default void trapsAtABreakpointInstruction(GuestMode mode) {
        if (mode != GuestMode.REAL && mode != GuestMode.USER64) {
            requires(Capability.FULL_SYSTEM);
        }
        GuestFault fault = fault(mode, a -> a.nop().int3().nop());
        assertThat(fault.vector()).isEqualTo(GuestFault.BP);
        assertThat(fault.ip()).as("a trap points behind the instruction").isEqualTo(mode.origin() + 2);
    }

    @ParameterizedTest
    @EnumSource
    default void interruptsItself(GuestMode mode) {
        if (mode != GuestMode.REAL) {
            requires(Capability.FULL_SYSTEM);
        }
        int word = mode.wordSize();
        try (Guest guest = guest(mode).handler(0x60, a -> a.mov(word, BX, AX).iret())
                .code(a -> a.mov(word, AX, 0x42).interrupt(0x60).mov(word, CX, BX).end()).build()) {
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rcx()).isEqualTo(0x42);
        }
    }

    @ParameterizedTest
    @CsvSource({"LONG64,read,0", "LONG64,write,2", "USER64,read,4", "USER64,write,6"})
    default void faultsWhereNoPageIsMapped(GuestMode mode, String access, int errorCode) {
        long address = 0x0000_7000_1234_5678L;
        GuestFault fault = fault(mode, a -> {
            a.mov(8, BX, address);
            if (access.equals("read")) {
                a.load(4, AX, at(BX));
            } else {
                a.store(4, at(BX), AX);
            }
            a.end();
        });
        assertThat(fault.vector()).isEqualTo(GuestFault.PF);
        assertThat(fault.cr2()).isEqualTo(address);
        assertThat(fault.errorCode()).isEqualTo(errorCode);
        assertThat(fault.ip()).isEqualTo(GuestLayout.CODE + 10);
    }

    @ParameterizedTest
    @CsvSource({"LONG64,3", "USER64,7"})
    default void faultsOnWritesToReadOnlyPages(GuestMode mode, int errorCode) {
        try (Guest guest = guest(mode).code(a -> a.mov(4, BX, DATA + 0x10).load(4, CX, at(BX)).store(4, at(BX), AX)
                .end()).build()) {
            guest.memory().writeLong(PAGE_TABLE + DATA / 4096 * 8, DATA | GuestLayout.PRESENT | GuestLayout.USER);
            guest.memory().writeInt(DATA + 0x10, 0x1234);
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.PF);
            assertThat(fault.errorCode()).as("present, write").isEqualTo(errorCode);
            assertThat(fault.cr2()).isEqualTo(DATA + 0x10);
            assertThat(guest.vcpu().registers().rcx()).as("reading is allowed").isEqualTo(0x1234);
            assertThat(guest.memory().readInt(DATA + 0x10)).as("nothing was written").isEqualTo(0x1234);
        }
    }

    @Test
    default void keepsPrivilegeLevelThreeOutOfSupervisorPages() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, BX, DATA).load(4, CX, at(BX)).end()).build()) {
            guest.memory().writeLong(PAGE_TABLE + DATA / 4096 * 8, DATA | GuestLayout.PRESENT | GuestLayout.WRITABLE);
            guest.memory().writeInt(DATA, 0x5EC2E7);
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.PF);
            assertThat(fault.errorCode()).as("present, user").isEqualTo(5);
            assertThat(guest.vcpu().registers().rcx()).isZero();
        }
    }

    @Test
    default void executesNoPageThatSaysSo() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, BX, DATA).jmp(BX)).build()) {
            guest.memory().writeLong(PAGE_TABLE + DATA / 4096 * 8, 1L << 63 | DATA | 7); // NX
            guest.memory().write(DATA, new Assembler(64, DATA).end().assemble());
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.PF);
            assertThat(fault.errorCode()).as("present, user, instruction fetch").isEqualTo(0x15);
            assertThat(fault.cr2()).isEqualTo(DATA);
        }
    }

    @Test
    default void mapsAPageInTheHandlerAndTriesAgain() {
        // What an operating system does on demand: the handler makes the page present and returns to the access.
        try (Guest guest = guest(GuestMode.USER64).handler(GuestFault.PF, a -> a.alu(Alu.ADD, 8, SP, 8) // error code
                .store(8, at(PAGE_TABLE + DATA / 4096 * 8), DATA | 7).inc(4, at(MAILBOX)).iret())
                .code(a -> a.mov(4, BX, DATA).load(4, CX, at(BX)).store(4, at(BX, 4), CX).end()).build()) {
            guest.memory().writeLong(PAGE_TABLE + DATA / 4096 * 8, 0);
            guest.memory().writeInt(DATA, 0x77);
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).as("one fault").isEqualTo(1);
            assertThat(guest.memory().readInt(DATA + 4)).isEqualTo(0x77);
        }
    }

    @Test
    default void protectsWhatAUserMayNotDo() {
        record Forbidden(String name, Consumer<Assembler> code) {}
        for (Forbidden one : new Forbidden[] {new Forbidden("HLT", Assembler::hlt),
            new Forbidden("MOV CR3", a -> a.writeControl(3, AX)), new Forbidden("MOV from CR0",
                    a -> a.readControl(AX, 0)),
            new Forbidden("WRMSR", Assembler::wrmsr), new Forbidden("RDMSR", Assembler::rdmsr),
            new Forbidden("LIDT", a -> a.lidt(at(MAILBOX))), new Forbidden("CLI", Assembler::cli),
            new Forbidden("non-canonical address", a -> a.mov(8, BX, 1L << 63).load(1, AX, at(BX)))}) {
            GuestFault fault = fault(GuestMode.USER64, one.code);
            assertThat(fault.vector()).as(one.name).isEqualTo(GuestFault.GP);
            assertThat(fault.errorCode()).as(one.name).isZero();
            assertThat(fault.cs() & 3).as("it came from level 3").isEqualTo(3);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64"})
    default void namesTheSelectorThatCannotBeLoaded(GuestMode mode) {
        GuestFault beyond = fault(mode, a -> a.mov(4, AX, 0x1238).mov(SegmentRegister.DS, AX).end());
        assertThat(beyond.vector()).as("beyond the table").isEqualTo(GuestFault.GP);
        assertThat(beyond.errorCode()).isEqualTo(0x1238);
        try (Guest guest = guest(mode).code(a -> a.mov(4, AX, 0x58).mov(SegmentRegister.ES, AX).end()).build()) {
            guest.memory().writeLong(GuestLayout.GDT + 0x58, 0x00CF_1300_0000_FFFFL); // P is clear
            GuestFault absent = guest.runToFault();
            assertThat(absent.vector()).isEqualTo(GuestFault.NP);
            assertThat(absent.errorCode()).isEqualTo(0x58);
        }
    }

    @Test
    default void watchesTheLimitsOfSegments() {
        requires(Capability.FULL_SYSTEM);
        GuestFault data = fault(GuestMode.SEGMENTED32, a -> a.load(4, AX, at(0xFFC)).load(4, AX, at(0xFFD)).end());
        assertThat(data.vector()).isEqualTo(GuestFault.GP);
        assertThat(data.errorCode()).isZero();
        GuestFault override = fault(GuestMode.SEGMENTED32,
                a -> a.mov(4, BX, 0).raw("mov [cs:ebx], eax", 0x2E, 0x89, 0x03).end());
        assertThat(override.vector()).as("code is not written to").isEqualTo(GuestFault.GP);
    }

    @Test
    default void stopsAtADoubleFaultsHandler() {
        // The stack is not mapped, so the page fault's frame cannot be written.
        try (Guest guest = guest(GuestMode.LONG64).separateStack(GuestFault.DF)
                .code(a -> a.mov(8, SP, 0x0000_7000_0000_0000L).ud2()).build()) {
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.DF);
            assertThat(fault.errorCode()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64", "USER64"})
    default void shutsDownAfterATripleFault(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.mov(4, CX, 0).div(4, CX).end()).build()) {
            var empty = new dev.vz.cpu.x86.DescriptorTable(0, 0);
            guest.vcpu().setSpecialRegisters(guest.vcpu().specialRegisters().withIdt(empty));
            assertThat(guest.run()).isEqualTo(Stop.EXIT);
            assertThat(guest.exits()).containsExactly(new VcpuExit.Shutdown());
        }
    }

    @Test
    default void pushesThePrivilegeChangeOntoTheKernelsStack() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.ud2()).build()) {
            long user = guest.vcpu().registers().rsp();
            GuestFault fault = guest.runToFault();
            assertThat(fault.cs()).isEqualTo(GuestLayout.USER_CODE);
            long frame = GuestLayout.STACK - 40; // RIP, CS, RFLAGS, RSP, SS
            assertThat(guest.memory().readLong(frame)).isEqualTo(GuestLayout.CODE);
            assertThat(guest.memory().readLong(frame + 24)).isEqualTo(user);
            assertThat(guest.memory().readLong(frame + 32)).isEqualTo(GuestLayout.USER_DATA);
        }
    }
}
