package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.X87Operands;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every x87 instruction against the host's, bit for bit: registers, tags, status word and what is stored. */
class X87AgainstHostTest {

    private static final int SIGILL = 4;
    private static final int CASES = Integer.getInteger("vz.cases", 6000);
    /** F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS: see {@link X87TranscendentalTest}. */
    private static final Set<Integer> TRANSCENDENTAL = Set.of(0xF0, 0xF1, 0xF2, 0xF3, 0xF9, 0xFB, 0xFE, 0xFF);

    private static HostCpu host;

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

    @Test
    void registerFormsAgreeWithExceptionsMasked() {
        registerForms(X87Operands::masked);
    }

    @Test
    void registerFormsAgreeWithExceptionsUnmasked() {
        registerForms(X87Operands::unmasked);
    }

    @Test
    void memoryFormsAgreeWithExceptionsMasked() {
        memoryForms(X87Operands::masked);
    }

    @Test
    void memoryFormsAgreeWithExceptionsUnmasked() {
        memoryForms(X87Operands::unmasked);
    }

    private void registerForms(Comparison.Generator generator) {
        var comparison = new Comparison(host);
        for (int opcode = 0xD8; opcode <= 0xDF; opcode++) {
            for (int modrm = 0xC0; modrm <= 0xFF; modrm++) {
                if (opcode == 0xD9 && TRANSCENDENTAL.contains(modrm)) {
                    continue;
                }
                int first = opcode;
                int second = modrm;
                comparison.compare("x87 register form", new byte[] {(byte) opcode, (byte) modrm}, cases(opcode, modrm),
                        generator, c -> executeRegister(c, first, second), X87AgainstHostTest::isUndefined,
                        MachineCase::describeX87);
            }
        }
        report(comparison);
    }

    private void memoryForms(Comparison.Generator generator) {
        var comparison = new Comparison(host);
        for (int opcode = 0xD8; opcode <= 0xDF; opcode++) {
            for (int extension = 0; extension < 8; extension++) {
                int first = opcode;
                int modrm = extension << 3 | 7;
                int operand = X87Escapes.memoryOperand(opcode, modrm);
                if ((operand & X87Escapes.LENGTH) != 0 || operand == X87Escapes.NO_OPERAND) {
                    comparison.compare("x87 memory form", new byte[] {(byte) opcode, (byte) modrm}, CASES, generator,
                            c -> executeMemory(c, first, modrm), X87AgainstHostTest::isUndefined,
                            MachineCase::describeX87);
                }
            }
        }
        report(comparison);
    }

    /** Fewer cases for all of ST(2) to ST(7), and few for what is not an instruction. */
    private static int cases(int opcode, int modrm) {
        if (X87Escapes.register(new FpuState(), opcode, modrm, 0) == X87Escapes.UNDEFINED) {
            return 64;
        }
        return opcode != 0xD9 && (modrm & 7) > 1 ? CASES / 8 : CASES;
    }

    /** On processors of other vendors C1 differs after instructions that the architecture does not define it for. */
    private static boolean isUndefined(MachineCase mine, MachineCase theirs) {
        if (HostCpu.isAmd()) {
            return false;
        }
        theirs.fpu.fsw = theirs.fpu.fsw & ~FpuState.C1 | mine.fpu.fsw & FpuState.C1;
        return mine.difference(theirs).isEmpty();
    }

    private static void report(Comparison comparison) {
        System.Logger log = System.getLogger(X87AgainstHostTest.class.getName());
        log.log(System.Logger.Level.INFO, "{0} cases, seed {1}", comparison.cases(), Long.toString(comparison.seed()));
        assertThat(comparison.differences()).isEmpty();
    }

    private static void executeRegister(MachineCase c, int opcode, int modrm) {
        int outcome = X87Escapes.register(c.fpu, opcode, modrm, (int) c.flags);
        switch (outcome & 0xFF) {
            case X87Escapes.UNDEFINED -> c.signal = SIGILL;
            case X87Escapes.STATUS_TO_AX -> c.rax = c.rax & ~0xFFFFL | c.fpu.statusWord();
            case X87Escapes.FLAGS -> c.flags = outcome >> 8;
            default -> {}
        }
    }

    private static void executeMemory(MachineCase c, int opcode, int modrm) {
        int operand = X87Escapes.memoryOperand(opcode, modrm);
        int length = operand & X87Escapes.LENGTH;
        if (operand == X87Escapes.NO_OPERAND) {
            c.signal = SIGILL;
        } else if ((operand & X87Escapes.STORE) == 0) {
            long low = length >= 8 ? c.memory[0] : c.memory[0] & (1L << 8 * length) - 1;
            X87Escapes.load(c.fpu, opcode, modrm, low, (int) c.memory[1] & 0xFFFF);
        } else if (X87Escapes.store(c.fpu, opcode, modrm)) {
            long mask = length >= 8 ? -1 : (1L << 8 * length) - 1;
            c.memory[0] = c.memory[0] & ~mask | c.fpu.storeLow & mask;
            if (length == 10) {
                c.memory[1] = c.memory[1] & ~0xFFFFL | c.fpu.storeHigh & 0xFFFF;
            }
        }
    }
}
