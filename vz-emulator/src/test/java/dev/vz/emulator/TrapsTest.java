package dev.vz.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.x86.Msr;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.SystemCalls;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What happens between instructions: traps, non-maskable interrupts, what a change of privilege leaves of segments. */
class TrapsTest {

    private static final long CODE = 0x1000;
    private static final long HANDLER = 0x2000;

    private final TestProcessor processor = new TestProcessor(8 << 20);
    private final Cpu cpu = processor.cpu;

    @AfterEach
    void close() {
        processor.close();
    }

    private void code(long address, String bytes) {
        processor.memory.write(address, HexFormat.ofDelimiter(" ").parseHex(bytes));
    }

    /** Real mode at {@link #CODE}, stack below it, the handler of {@code vector} at {@link #HANDLER}. */
    private void real(int vector) {
        cpu.segmentSelector[Segments.CS] = 0;
        cpu.segmentBase[Segments.CS] = 0;
        cpu.rip = CODE;
        cpu.gpr[4] = CODE;
        Modes.segments(cpu);
        processor.memory.writeInt(vector * 4L, (int) HANDLER);
    }

    @Test
    void decimalAdjustmentsUseTheirOwnBaseWhateverInstructionFollows() {
        real(0);
        cpu.gpr[0] = 0x1234_5678;
        code(CODE, "d5 0a b3 77 f4"); // aad; mov bl, 0x77; hlt
        processor.runToHalt();
        assertThat(cpu.gpr[0]).as("0x56 * 10 + 0x78, modulo 256").isEqualTo(0x1234_00D4);
        real(0);
        cpu.gpr[0] = 0x7654_3210;
        code(CODE + 0x100, "d4 0a b3 77 f4"); // aam; mov bl, 0x77; hlt
        cpu.rip = CODE + 0x100;
        processor.runToHalt();
        assertThat(cpu.gpr[0]).as("0x10 is 1 and 6").isEqualTo(0x7654_0106);
    }

    @Test
    void twoNonMaskableInterruptsThatArriveTogetherAreBothDeliveredTheSecondBehindTheFirstsIret() {
        real(2);
        code(CODE, "90 90 f4"); // nop; nop; hlt
        code(HANDLER, "43 cf"); // inc bx; iret
        cpu.nmi();
        cpu.nmi();
        cpu.nmi();
        cpu.attend(Cpu.ATTEND_INTERRUPT);
        processor.runToHalt();
        assertThat(cpu.gpr[3]).as("two are remembered, a third is not").isEqualTo(2);
        assertThat(cpu.nmiBlocked).isFalse();
    }

    @Test
    void oneOfManyThatArriveDuringTheHandlerIsRememberedUntilIret() {
        real(2);
        code(CODE, "90 f4"); // nop; hlt
        code(HANDLER, "43 cf"); // inc bx; iret
        cpu.nmiBlocked = true;
        for (int i = 0; i < 5; i++) {
            cpu.nmi();
        }
        cpu.attend(Cpu.ATTEND_INTERRUPT);
        processor.runToHalt();
        assertThat(cpu.gpr[3]).as("blocked").isZero();
        cpu.unblockNmi();
        cpu.rip = CODE;
        processor.runToHalt();
        assertThat(cpu.gpr[3]).isEqualTo(1);
    }

    @Test
    void sysretThatSetsTfTrapsBeforeTheFirstInstructionOfTheProgram() {
        processor.longMode(CODE, 0);
        cpu.msrs.write(Msr.STAR, 0x001B_0008L << 32);
        cpu.gpr[1] = 0x3000;
        cpu.gpr[11] = Flags.TF | 2;
        SystemCalls.sysret(cpu, 8);
        assertThat(cpu.cpl).isEqualTo(3);
        assertThat(cpu.pendingDebug & 1 << 14).as("single step is pending").isNotZero();
        assertThat(cpu.attention & Cpu.ATTEND_STEP).isNotZero();
    }

    /** However many instructions stand before it: blocks of decoded code end somewhere. */
    @Test
    void anInterruptThatComesBehindStiWaitsForTheEndOfTheNextInstruction() {
        for (int before = 50; before < 80; before++) {
            real(0x20);
            long start = 0x3000 + 0x100L * (before - 50);
            code(start, "90 ".repeat(before) + "fb f4"); // nop …; sti; hlt
            code(HANDLER, "5b f4"); // pop bx; hlt
            cpu.rip = start;
            cpu.flags &= ~Flags.IF;
            processor.behindLook = () -> {
                processor.behindLook = () -> {};
                processor.interrupts.add(0x20);
                cpu.attend(Cpu.ATTEND_INTERRUPT);
            };
            processor.runToHalt();
            assertThat(cpu.rip).isEqualTo(HANDLER + 2);
            assertThat(cpu.gpr[3] & 0xFFFF).as("behind HLT, with %d instructions before STI", before)
                    .isEqualTo(start + before + 2);
        }
    }

    @Test
    void theTrapBehindALoadOfSsIsLost() {
        real(1);
        code(CODE, "8e d0 90 90 6a 02 9d f4"); // mov ss, ax; nop; nop; push 2; popf; hlt
        code(HANDLER, "43 cf"); // inc bx; iret
        cpu.flags |= Flags.TF;
        cpu.flagsLoaded();
        assertThat(processor.interpreter.run()).isEqualTo(Interpreter.Reason.HALTED);
        assertThat(cpu.gpr[3]).as("behind nop, nop, push and the popf that clears TF; not behind mov").isEqualTo(4);
    }

    @Test
    void aReturnToTheProgramTakesPrivilegedDataSegmentsAwayAndLeavesTheirBases() {
        processor.longMode(CODE, 0);
        cpu.segmentBase[Segments.GS] = 0x40_0000;
        cpu.segmentSelector[Segments.GS] = 0x10;
        long gdt = 0x7_0000;
        processor.memory.writeLong(gdt + 0x18, 0x00CF_F300_0000_FFFFL); // data, DPL 3
        processor.memory.writeLong(gdt + 0x20, 0x00AF_FB00_0000_FFFFL); // 64-bit code, DPL 3
        cpu.gdtBase = gdt;
        cpu.gdtLimit = 0xFF;
        long stack = 0x6_0000;
        long[] frame = {0x3000, 0x23, 2, 0x5000, 0x1B};
        for (int i = 0; i < frame.length; i++) {
            processor.memory.writeLong(stack + 8L * i, frame[i]);
        }
        cpu.gpr[4] = stack;
        code(CODE, "48 cf"); // iretq
        code(0x3000, "65 48 8b 04 25 00 00 00 00 f4"); // mov rax, gs:[0]; hlt, which is not allowed here
        processor.memory.writeLong(0x40_0000, 0x1234_5678_9ABCL);
        cpu.idtLimit = 0;
        assertThat(processor.interpreter.run()).as("hlt faults without handlers")
                .isEqualTo(Interpreter.Reason.SHUTDOWN);
        assertThat(cpu.gpr[0]).isEqualTo(0x1234_5678_9ABCL);
        assertThat(cpu.segmentSelector[Segments.GS]).isZero();
    }
}
