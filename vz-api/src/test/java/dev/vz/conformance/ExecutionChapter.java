package dev.vz.conformance;

import static dev.vz.conformance.Condition.E;
import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.DX;
import static dev.vz.conformance.Register.SI;
import static dev.vz.conformance.Register.SP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Code runs in every mode of the processor and changes memory and registers as the manuals say. */
interface ExecutionChapter extends Chapter {

    @ParameterizedTest
    @EnumSource
    default void runsCodeInEveryMode(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.mov(2, AX, 0x1234).mov(2, BX, AX).alu(Alu.ADD, 2, BX, 0x1111)
                .store(2, at(MAILBOX), BX).end()).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(0, 2)).isEqualTo(0x2345);
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(0x2345);
            assertThat(guest.exits()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    default void callsAndReturnsOnItsStack(GuestMode mode) {
        int word = mode.wordSize();
        try (Guest guest = guest(mode).code(a -> a.mov(word, AX, 1).call("twice").push(AX).pop(CX).end() // AX = 4
                .label("twice").call("double").label("double").alu(Alu.ADD, word, AX, AX).ret()).build()) {
            long stack = guest.vcpu().registers().rsp();
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rcx()).isEqualTo(4);
            assertThat(guest.vcpu().registers().rsp()).isEqualTo(stack);
        }
    }

    @ParameterizedTest
    @EnumSource
    default void loopsUntilACounterIsZero(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.mov(4, CX, 1000).mov(4, AX, 0).label("next").alu(Alu.ADD, 4, AX, CX)
                .dec(4, CX).jump(NE, "next").store(4, at(MAILBOX), AX).end()).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(500_500);
        }
    }

    @ParameterizedTest
    @EnumSource
    default void setsTheFlagsOfArithmetic(GuestMode mode) {
        int word = mode.wordSize();
        try (Guest guest = guest(mode).code(a -> a.mov(1, AX, 0xFF).alu(Alu.ADD, 1, AX, 1).pushFlags().pop(BX)
                .mov(1, AX, 0x7F).alu(Alu.ADD, 1, AX, 1).pushFlags().pop(CX).store(word, at(MAILBOX), BX)
                .store(word, at(MAILBOX + 8), CX).end()).build()) {
            guest.runToEnd();
            int arithmetic = 0x8D5; // OF, SF, ZF, AF, PF, CF
            assertThat(guest.mailbox(0, 2) & arithmetic).as("0xFF + 1: ZF, AF, PF, CF").isEqualTo(0x55);
            assertThat(guest.mailbox(8, 2) & arithmetic).as("0x7F + 1: OF, SF, AF").isEqualTo(0x890);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "FLAT32", "LONG64", "USER64"})
    default void movesStringsUpAndDown(GuestMode mode) {
        int word = mode.wordSize();
        try (Guest guest = guest(mode).code(a -> a.cld().mov(word, SI, 0x700).mov(word, DI, 0x720).mov(word, CX, 8)
                .repMovs(2).std().mov(word, SI, 0x70F).mov(word, DI, 0x75F).mov(word, CX, 16).repMovs(1).cld()
                .mov(word, DI, 0x760).mov(word, CX, 4).mov(4, AX, 0xA5A5A5A5L).repStos(4).mov(word, BX, DI).end())
                .build()) {
            byte[] text = "sixteen letters!".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            guest.memory().write(0x700, text);
            guest.runToEnd();
            assertThat(guest.memory().read(0x720, 16)).isEqualTo(text);
            assertThat(guest.memory().read(0x750, 16)).isEqualTo(text);
            assertThat(guest.memory().read(0x760, 17)).startsWith(0xA5, 0xA5, 0xA5, 0xA5).endsWith(0xA5, 0);
            assertThat(guest.vcpu().registers().rbx() & 0xFFFF).isEqualTo(0x770);
            assertThat(guest.vcpu().registers().rcx() & 0xFFFF).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64", "USER64"})
    default void changesMemoryUnderLock(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.store(4, at(MAILBOX), 5).mov(4, AX, 7)
                .lockExchangeAdd(4, at(MAILBOX), AX).store(4, at(MAILBOX + 4), AX) // 5, 12 in memory
                .lockIncrement(4, at(MAILBOX)).mov(4, AX, 13).mov(4, CX, 99).lockCompareExchange(4, at(MAILBOX), CX)
                .jump(NE, "wrong").lockCompareExchange(4, at(MAILBOX), CX).jump(E, "wrong") // AX is 13, not 99
                .store(4, at(MAILBOX + 8), AX).mov(4, DX, 3).exchange(4, at(MAILBOX), DX)
                .store(4, at(MAILBOX + 12), DX).end().label("wrong").hlt()).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(4, 4)).isEqualTo(5);
            assertThat(guest.mailbox(8, 4)).as("what was there instead").isEqualTo(99);
            assertThat(guest.mailbox(12, 4)).isEqualTo(99);
            assertThat(guest.mailbox(0, 4)).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @EnumSource
    default void executesCodeThatItHasJustWritten(GuestMode mode) {
        // The immediate of MOV CX is overwritten before it is reached, twice.
        int word = mode.wordSize();
        try (Guest guest = guest(mode).code(a -> {
            a.mov(word, DX, 0).label("again").inc(word, DX);
            long alias = mode == GuestMode.REAL || mode == GuestMode.SEGMENTED32 ? GuestLayout.CODE : 0;
            switch (mode) {
                case REAL -> a.mov(2, AX, GuestLayout.CODE >> 4).mov(SegmentRegister.DS, AX).mov(BX, "patched");
                case SEGMENTED32 -> a.mov(4, AX, GuestLayout.KERNEL_DATA).mov(SegmentRegister.DS, AX)
                        .mov(BX, "patched").alu(Alu.ADD, 4, BX, (int) alias);
                default -> a.mov(BX, "patched");
            }
            a.store(1, at(BX, 1), DX).jmp("patched").label("patched").mov(1, CX, 0).alu(Alu.CMP, 1, CX, 2)
                    .jump(NE, "again").end();
        }).build()) {
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rdx()).isEqualTo(2);
            assertThat(guest.vcpu().registers().rcx() & 0xFF).isEqualTo(2);
        }
    }

    @Test
    default void addsTheSegmentsBase() {
        try (Guest guest = guest(GuestMode.SEGMENTED32)
                .code(a -> a.store(4, at(0x100), 0x1122_3344).mov(4, AX, 0x5566).push(AX).end()).build()) {
            guest.runToEnd();
            assertThat(guest.memory().readInt(GuestLayout.SEGMENT + 0x100)).isEqualTo(0x1122_3344);
            assertThat(guest.memory().readInt(GuestLayout.SEGMENT + 0xFFC)).isEqualTo(0x5566);
        }
    }

    @Test
    default void wrapsRealModeOffsetsAndAddsSixteenTimesTheSegment() {
        try (Guest guest = guest(GuestMode.REAL).code(a -> a.mov(2, AX, 0x5000).mov(SegmentRegister.DS, AX)
                .store(2, at(0x1234), 0xBEEF).mov(2, BX, 0xFFFF).store(1, at(BX, 3), 0x77).end()).build()) {
            guest.runToEnd();
            assertThat(guest.memory().readShort(0x5_1234)).isEqualTo((short) 0xBEEF);
            assertThat(guest.memory().readByte(0x5_0002)).as("the offset wraps at 64 KiB").isEqualTo((byte) 0x77);
        }
    }

    @Test
    default void goesFromRealModeThroughProtectedModeToLongMode() {
        try (Guest guest = guest(GuestMode.REAL).code(a -> {
            // The GDT and the page tables are in place; GDTR is loaded from the mailbox.
            a.cli().lgdt(at(MAILBOX)).readControl(AX, 0).alu(Alu.OR, 4, AX, 1).writeControl(0, AX)
                    .farJump(GuestLayout.CODE_32, (int) GuestLayout.CODE + 0x100).padTo(0x100);
            var protectedMode = new Assembler(32, GuestLayout.CODE + 0x100);
            protectedMode.mov(4, AX, GuestLayout.KERNEL_DATA).mov(SegmentRegister.DS, AX).mov(SegmentRegister.SS, AX)
                    .mov(4, SP, GuestLayout.STACK).store(4, at(MAILBOX + 0x10), 32)
                    .readControl(AX, 4).alu(Alu.OR, 4, AX, 0x20).writeControl(4, AX)
                    .mov(4, AX, GuestLayout.PAGE_TABLES).writeControl(3, AX)
                    .mov(4, CX, Msr.EFER & 0xFFFF_FFFFL).rdmsr().alu(Alu.OR, 4, AX, 0x100).wrmsr()
                    .readControl(AX, 0).alu(Alu.OR, 4, AX, 0x8000_0000).writeControl(0, AX)
                    .farJump(GuestLayout.CODE_64, (int) GuestLayout.CODE + 0x200);
            embed(a, protectedMode);
            a.padTo(0x200);
            embed(a, new Assembler(64, GuestLayout.CODE + 0x200).mov(8, AX, 0x1122_3344_5566_7788L)
                    .store(8, at(MAILBOX + 0x18), AX).push(AX).pop(BX).end());
        }).build()) {
            guest.memory().writeShort(MAILBOX, (short) (GuestLayout.GDT_SIZE - 1));
            guest.memory().writeInt(MAILBOX + 2, (int) GuestLayout.GDT);
            guest.runToEnd();
            assertThat(guest.mailbox(0x10, 4)).isEqualTo(32);
            assertThat(guest.mailbox(0x18, 8)).isEqualTo(0x1122_3344_5566_7788L);
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(0x1122_3344_5566_7788L);
            SpecialRegisters state = guest.vcpu().specialRegisters();
            assertThat(state.efer() & SpecialRegisters.EFER_LMA).as("long mode is active").isNotZero();
            assertThat(state.cs().longMode()).isTrue();
            assertThat(state.cs().selector()).isEqualTo(GuestLayout.CODE_64);
            assertThat(state.cr3()).isEqualTo(GuestLayout.PAGE_TABLES);
            assertThat(state.gdt().base()).isEqualTo(GuestLayout.GDT);
        }
    }

    private static void embed(Assembler into, Assembler code) {
        for (byte b : code.assemble()) {
            into.data(1, b);
        }
    }

    @Test
    default void startsANewProcessorAtTheResetVector() {
        requires();
        MemoryRequest request = MemoryRequest.of(2 * 4096);
        var block = MemoryAllocator.preferred(request).allocate(request);
        try (GuestMemory memory = GuestMemory.of(MemoryRegion.of(0, block, 0, 4096),
                MemoryRegion.of(0xFFFF_F000L, block, 4096, 4096))) {
            memory.write(0xFFFF_FFF0L, new Assembler(16, 0xFFF0).mov(2, AX, 0x600D).hlt().assemble());
            try (VirtualMachine machine = hypervisor().createVirtualMachine(VirtualMachineConfig.of(memory))) {
                X86Vcpu vcpu = machine.createVcpu(0);
                SpecialRegisters special = vcpu.specialRegisters();
                assertThat(special.cs().selector()).isEqualTo(0xF000);
                assertThat(special.cs().base()).isEqualTo(0xFFFF_0000L);
                assertThat(special.cr0() & SpecialRegisters.CR0_PE).as("real mode").isZero();
                assertThat(vcpu.registers().rip()).isEqualTo(0xFFF0);
                assertThat(vcpu.registers().rflags()).isEqualTo(2);
                var recorder = new ExitRecorder(vcpu::kick);
                vcpu.run(recorder);
                assertThat(recorder.stop()).isEqualTo(Stop.HALT);
                assertThat(vcpu.registers().rax()).isEqualTo(0x600D);
                assertThat(vcpu.registers().rip()).as("after HLT").isEqualTo(0xFFF4);
            }
        }
    }

    @Test
    default void computesAtPrivilegeLevelThreeForALongTime() {
        // The sandbox's case: a tight loop at level 3, where hardware runs it at its own speed.
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, CX, 2_000_000).mov(4, AX, 1).label("next")
                .alu(Alu.ADD, 8, AX, AX).alu(Alu.ADD, 8, AX, CX).dec(4, CX).jump(NE, "next").end()).build()) {
            long expected = 1;
            for (int i = 2_000_000; i > 0; i--) {
                expected = 2 * expected + i;
            }
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isEqualTo(expected);
        }
    }

    @Test
    default void usesAllSixteenRegistersIn64BitMode() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> {
            for (Register register : Register.values()) {
                if (register != SP) {
                    a.mov(8, register, 0x0101_0101_0101_0101L * (register.ordinal() + 1));
                }
            }
            a.end();
        }).build()) {
            guest.runToEnd();
            GeneralRegisters r = guest.vcpu().registers();
            long one = 0x0101_0101_0101_0101L;
            assertThat(
                    new long[] {r.rax(), r.rcx(), r.rdx(), r.rbx(), r.rbp(), r.rsi(), r.rdi(), r.r8(), r.r9(), r.r10(),
                        r.r11(), r.r12(), r.r13(), r.r14(), r.r15()})
                    .containsExactly(one, 2 * one, 3 * one, 4 * one, 6 * one,
                            7 * one, 8 * one, 9 * one, 10 * one, 11 * one, 12 * one, 13 * one, 14 * one, 15 * one,
                            16 * one);
        }
    }

    @Test
    default void reachesMemoryAboveFourGigabytes() {
        // Not mapped at first: the level-3 table gets a fifth entry.
        MemoryRequest request = MemoryRequest.of(2 << 20);
        MemoryRegion high = MemoryRegion.of(1L << 32, MemoryAllocator.preferred(request).allocate(request));
        try (Guest guest = guest(GuestMode.LONG64).region(high).code(a -> a.mov(8, BX, (1L << 32) + 0x1_2345)
                .load(4, AX, at(BX)).inc(4, AX).store(4, at(BX), AX).end()).build()) {
            guest.memory().writeLong(GuestLayout.PAGE_TABLES + 0x1000 + 8 * 4, DATA | 7);
            guest.memory().writeLong(DATA, 1L << 32 | 0x87);
            guest.memory().writeInt((1L << 32) + 0x1_2345, 41);
            guest.runToEnd();
            assertThat(guest.memory().readInt((1L << 32) + 0x1_2345)).isEqualTo(42);
        }
    }
}
