package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the escapes say about instructions, against the host. */
class X87EscapesTest {

    private static final int SIGFPE = 8;
    private static final int REPEATS = 40;
    private static final long LAST_INSTRUCTION = 0x1234_5678L;

    private static HostCpu host;

    private final MachineCase state = new MachineCase();
    private final byte[] records = new byte[REPEATS * MachineCase.LENGTH];

    @BeforeAll
    static void start() {
        host = HostCpu.start();
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    /** Escape opcode and ModRM of every instruction; memory operands are at RDI. */
    private static List<int[]> instructions() {
        List<int[]> all = new ArrayList<>();
        for (int opcode = 0xD8; opcode <= 0xDF; opcode++) {
            for (int extension = 0; extension < 8; extension++) {
                int modrm = extension << 3 | 7;
                if (X87Escapes.memoryOperand(opcode, modrm) != X87Escapes.NO_OPERAND) {
                    all.add(new int[] {opcode, modrm});
                }
            }
            for (int modrm = 0xC0; modrm <= 0xFF; modrm++) {
                if (X87Escapes.register(new FpuState(), opcode, modrm, 0) != X87Escapes.UNDEFINED) {
                    all.add(new int[] {opcode, modrm});
                }
            }
        }
        return all;
    }

    @Test
    void waitingInstructionsReportAPendingException() {
        for (int[] instruction : instructions()) {
            state.fpu.reset();
            state.fpu.fcw = 0x037E;
            state.fpu.setStatusWord(FpuState.IE);
            assertThat(state.fpu.hasPendingException()).isTrue();
            state.memory[0] = 0xFFFF_0000_FFFF_037FL;
            state.write(records, 0);
            host.execute(new byte[] {(byte) instruction[0], (byte) instruction[1]}, records, 1);
            var after = new MachineCase();
            after.read(records, 0);
            assertThat(after.signal == SIGFPE).as("%02X %02X waits", instruction[0], instruction[1])
                    .isEqualTo(X87Escapes.isWaiting(instruction[0], instruction[1]));
        }
    }

    @Test
    void allButControlInstructionsAreRecorded() {
        for (int[] instruction : instructions()) {
            boolean memory = instruction[1] < 0xC0;
            if (memory && X87Escapes.memoryOperand(instruction[0], instruction[1]) >= X87Escapes.ENVIRONMENT
                    || instruction[0] == 0xDB && instruction[1] == 0xE3) {
                // These set the pointers themselves.
                assertThat(X87Escapes.isRecorded(instruction[0], instruction[1])).isFalse();
                continue;
            }
            assertThat(recordedByHost(instruction)).as("%02X %02X is recorded", instruction[0], instruction[1])
                    .isEqualTo(X87Escapes.isRecorded(instruction[0], instruction[1]));
        }
    }

    /** Loads an environment, executes, stores the environment; by majority, as an interrupt may lose the pointer. */
    private boolean recordedByHost(int[] instruction) {
        state.fpu.reset();
        state.memory[0] = 0xFFFF_0000_FFFF_037FL;
        state.memory[1] = LAST_INSTRUCTION << 32 | 0xFFFF_FFFFL;
        state.memory[2] = 0;
        state.memory[3] = 0;
        for (int i = 0; i < REPEATS; i++) {
            state.write(records, i * MachineCase.LENGTH);
        }
        boolean memory = instruction[1] < 0xC0;
        // FLDENV [rdi]; the instruction, on [rdi+64] if it has an operand; FNSTENV [rdi+32]
        byte[] code = memory
                ? new byte[] {(byte) 0xD9, 0x27, (byte) instruction[0], (byte) (instruction[1] | 0x40), 64, (byte) 0xD9,
                    0x77, 32}
                : new byte[] {(byte) 0xD9, 0x27, (byte) instruction[0], (byte) instruction[1], (byte) 0xD9, 0x77, 32};
        host.execute(code, records, REPEATS);
        int changed = 0;
        for (int i = 0; i < REPEATS; i++) {
            var after = new MachineCase();
            after.read(records, i * MachineCase.LENGTH);
            changed += after.memory[5] >>> 32 != LAST_INSTRUCTION ? 1 : 0;
        }
        return changed > REPEATS / 2;
    }

    @Test
    void theLastInstructionAndOperandAreKeptForTheEnvironment() {
        var s = new FpuState();
        s.recordInstruction(0xDD, 0x45, 0x33, 0x7FFF_1234_5678L);
        s.recordOperand(0x2B, 0x7FFE_8765_4321L);
        assertThat(s.fop).isEqualTo(0x545);
        assertThat(s.fip).isEqualTo(0x7FFF_1234_5678L);
        assertThat(s.fcs).isEqualTo(0x33);
        assertThat(s.fds).isEqualTo(0x2B);
        var copy = new FpuState();
        copy.copyFrom(s);
        assertThat(copy.fdp).isEqualTo(0x7FFE_8765_4321L);
        copy.reset();
        assertThat(copy.fip).isZero();
    }

    @Test
    void storingByAnInstructionThatStoresNothingIsACallersMistake() {
        assertThatIllegalArgumentException().isThrownBy(() -> X87Escapes.store(new FpuState(), 0xD9, 0x00))
                .withMessageContaining("0xD9 /0");
    }
}
