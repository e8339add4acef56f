package dev.vz.emulator.operation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.decode.Decoder;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.InstructionForm;
import dev.vz.emulator.decode.InstructionForm.Attribute;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OpcodeTable;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every instruction that user mode may execute in place leaves on the emulated processor what it leaves on the host's:
 * registers, flags, memory, vector and x87 state, or the same exception.
 */
class InstructionsAgainstHostTest {

    private static final int ENCODINGS = Integer.getInteger("vz.host.encodings", 4);
    private static final int STATES = Integer.getInteger("vz.host.states", 24);
    private static final long CODE = 0x20_0000;
    private static final long MEMORY = 0x30_0000;
    private static final long HANDLERS = 0x5000;
    private static final long IDT = 0x4000;
    private static final long GDT = 0x3000;

    /** They change where execution goes, use RSP or RSI, need privileges, or do not give the same answer twice. */
    private static final Set<Mnemonic> EXCLUDED = EnumSet.of(Mnemonic.JCC, Mnemonic.JMP, Mnemonic.JMPF, Mnemonic.CALL,
            Mnemonic.CALLF, Mnemonic.RET, Mnemonic.RETF, Mnemonic.IRET, Mnemonic.LOOP, Mnemonic.LOOPE, Mnemonic.LOOPNE,
            Mnemonic.JRCXZ, Mnemonic.PUSH, Mnemonic.POP, Mnemonic.PUSHF, Mnemonic.POPF, Mnemonic.ENTER, Mnemonic.LEAVE,
            Mnemonic.INT, Mnemonic.INT1, Mnemonic.INT3, Mnemonic.INS, Mnemonic.OUTS, Mnemonic.IN, Mnemonic.OUT,
            Mnemonic.MOVS, Mnemonic.CMPS, Mnemonic.LODS, Mnemonic.STOS, Mnemonic.SCAS, Mnemonic.XLAT, Mnemonic.HLT,
            Mnemonic.CLI, Mnemonic.STI, Mnemonic.SYSCALL, Mnemonic.SYSENTER, Mnemonic.SYSEXIT, Mnemonic.SYSRET,
            Mnemonic.CPUID, Mnemonic.RDTSC, Mnemonic.RDTSCP, Mnemonic.RDPMC, Mnemonic.RDRAND, Mnemonic.RDSEED,
            Mnemonic.RDPID, Mnemonic.XGETBV, Mnemonic.XSETBV, Mnemonic.XSAVE, Mnemonic.XRSTOR, Mnemonic.XSAVEOPT,
            Mnemonic.FXSAVE, Mnemonic.FXRSTOR, Mnemonic.MOVFS, Mnemonic.MOVTS, Mnemonic.LFS, Mnemonic.LGS, Mnemonic.LSS,
            Mnemonic.LAR, Mnemonic.LSL, Mnemonic.VERR, Mnemonic.VERW, Mnemonic.SGDT, Mnemonic.SIDT, Mnemonic.SLDT,
            Mnemonic.STR, Mnemonic.SMSW, Mnemonic.LMSW, Mnemonic.RDFSBASE, Mnemonic.RDGSBASE, Mnemonic.WRFSBASE,
            Mnemonic.WRGSBASE, Mnemonic.VMCALL, Mnemonic.VMMCALL, Mnemonic.MONITOR, Mnemonic.MWAIT, Mnemonic.CLAC,
            Mnemonic.STAC, Mnemonic.INVPCID, Mnemonic.ADCX, Mnemonic.ADOX, Mnemonic.TZCNT, Mnemonic.LZCNT,
            Mnemonic.RCPSS, Mnemonic.RCPPS, Mnemonic.RSQRTSS, Mnemonic.RSQRTPS, Mnemonic.F2XM1, Mnemonic.FYL2X,
            Mnemonic.FPTAN, Mnemonic.FPATAN, Mnemonic.FYL2XP1, Mnemonic.FSINCOS, Mnemonic.FSIN, Mnemonic.FCOS,
            Mnemonic.FNSTENV, Mnemonic.FLDENV, Mnemonic.FNSAVE, Mnemonic.FRSTOR, Mnemonic.BSWAP, Mnemonic.RSM,
            Mnemonic.UD0, Mnemonic.UD1, Mnemonic.ENDBR32, Mnemonic.ENDBR64, Mnemonic.CLFLUSHOPT, Mnemonic.CLWB,
            Mnemonic.HINT, Mnemonic.LEA, Mnemonic.LDMXCSR, Mnemonic.MASKMOVDQU, Mnemonic.MASKMOVQ, Mnemonic.FNENI,
            Mnemonic.FNDISI,
            Mnemonic.FNSETPM);

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
    void everyInstructionLeavesWhatTheHostLeaves() {
        long seed = Long.getLong("vz.seed", System.nanoTime());
        var random = new Random(seed);
        var differences = new ArrayList<String>();
        var byMnemonic = new java.util.TreeMap<Mnemonic, Integer>();
        try (var processor = new TestProcessor(8 << 20)) {
            prepare(processor);
            for (InstructionForm form : OpcodeTable.instance().forms()) {
                if (EXCLUDED.contains(form.mnemonic()) || form.has(Attribute.I64) || form.operands().stream()
                        .anyMatch(k -> k.place() == Place.CONTROL || k.place() == Place.DEBUG
                                || k.place() == Place.OFFSET)) {
                    continue;
                }
                for (int i = 0; i < ENCODINGS; i++) {
                    byte[] code = encode(form, random);
                    if (code != null && byMnemonic.getOrDefault(form.mnemonic(), 0) < 3) {
                        int before = differences.size();
                        compare(processor, form, code, random, differences);
                        byMnemonic.merge(form.mnemonic(), differences.size() - before, Integer::sum);
                    }
                }
            }
        }
        assertThat(differences).as("seed %d", seed).isEmpty();
    }

    /** Gates for all exceptions, to HLT instructions whose address tells the vector. */
    private static void prepare(TestProcessor p) {
        p.longMode(CODE, 3);
        for (int vector = 0; vector < 32; vector++) {
            long handler = HANDLERS + 16 * vector;
            p.memory.writeByte(handler, (byte) 0xF4);
            p.memory.writeLong(IDT + 16 * vector, handler & 0xFFFF | 8L << 16 | 0x8E00L << 32);
            p.memory.writeLong(IDT + 16 * vector + 8, 0);
        }
        p.memory.writeLong(GDT + 8, 0x00AF_9B00_0000_FFFFL);
        Cpu c = p.cpu;
        c.idtBase = IDT;
        c.idtLimit = 0x1FF;
        c.gdtBase = GDT;
        c.gdtLimit = 0xF;
        c.segmentBase[7] = 0x6000;
        c.segmentLimit[7] = 103;
        p.memory.writeLong(0x6004, 0x8000);
        p.interpreter.singleStep = true;
    }

    /** An encoding whose registers are RAX, RCX, RDX, RBX, XMM or ST, and whose memory operand is at RDI. */
    private static byte[] encode(InstructionForm form, Random random) {
        for (int attempt = 0; attempt < 50; attempt++) {
            var bytes = new byte[20];
            random.nextBytes(bytes);
            int at = 0;
            boolean operandPrefix = switch (form.prefix()) {
                case ANY -> random.nextInt(4) == 0;
                case OPERAND_SIZE -> true;
                default -> false;
            };
            if (form.mnemonic() == Mnemonic.CRC32 || form.mnemonic() == Mnemonic.POPCNT) {
                operandPrefix = random.nextInt(4) == 0;
            }
            if (operandPrefix) {
                bytes[at++] = 0x66;
            }
            if (form.prefix() == InstructionForm.Prefix.REPEAT) {
                bytes[at++] = (byte) 0xF3;
            } else if (form.prefix() == InstructionForm.Prefix.REPEAT_NOT) {
                bytes[at++] = (byte) 0xF2;
            }
            int rex = 0;
            if (random.nextInt(3) == 0) {
                rex = 0x40 | random.nextInt(2) * 8;
                bytes[at++] = (byte) rex;
            }
            int map = OpcodeTable.instance().mapOf(form);
            if (map > 0) {
                bytes[at++] = 0x0F;
            }
            if (map > 1) {
                bytes[at++] = (byte) (map == 2 ? 0x38 : 0x3A);
            }
            bytes[at++] = (byte) form.opcode();
            int modrm = bytes[at] & 0xFF;
            if (form.exact() >= 0) {
                modrm = form.exact();
            } else {
                boolean memory = form.mod() == InstructionForm.Mod.MEMORY
                        || form.mod() == InstructionForm.Mod.ANY && random.nextInt(3) == 0;
                int reg = form.digit() >= 0 ? form.digit() : modrm >> 3 & 3;
                modrm = memory ? 0x47 | reg << 3 : 0xC0 | reg << 3 | modrm & 3;
                if (memory) {
                    bytes[at + 1] = (byte) (random.nextInt(3) * 16 + (random.nextInt(4) == 0 ? random.nextInt(16) : 0));
                }
            }
            bytes[at] = (byte) modrm;
            var in = new Instruction();
            int length = new Decoder().decode(bytes, 0, 15, 64, in);
            boolean far = in.memory && in.base != 7;
            boolean wild = in.memory && form.mnemonic().name().matches("BT[SRC]?")
                    && in.form.operands().get(1) != OperandKind.Ib;
            boolean rsp = in.form.operands().stream().anyMatch(k -> k.place() == Place.OPCODE_REGISTER)
                    && (in.opcodeRegister > 3
                            || in.opcodeRegister > 0 && in.form.operands().getFirst() == OperandKind.Zb
                                    && !in.hasRex() && in.opcodeRegister > 3);
            if (length > 0 && in.form == form && !far && !wild && !rsp) {
                return Arrays.copyOf(bytes, length);
            }
        }
        return null;
    }

    private static void compare(TestProcessor p, InstructionForm form, byte[] code, Random random, List<String> out) {
        var before = new ArrayList<MachineCase>();
        var records = new byte[STATES * MachineCase.LENGTH];
        for (int i = 0; i < STATES; i++) {
            MachineCase state = state(random);
            before.add(state);
            state.write(records, i * MachineCase.LENGTH);
        }
        var input = records.clone();
        host.execute(code, records, STATES);
        p.memory.write(CODE, code);
        var in = new Instruction();
        new Decoder().decode(Arrays.copyOf(code, 15), 0, 15, 64, in);
        for (int i = 0; i < STATES; i++) {
            var expected = new MachineCase();
            expected.read(records, i * MachineCase.LENGTH);
            var mine = new MachineCase();
            mine.read(input, i * MachineCase.LENGTH);
            run(p, mine);
            long undefined = undefined(form.mnemonic(), in, before.get(i));
            mine.flags = mine.flags & ~undefined | expected.flags & undefined;
            if (expected.signal != 0 && mine.signal == expected.signal) {
                continue; // what a fault leaves behind is the business of those who deliver it
            }
            String difference = mine.difference(expected);
            if (!difference.isEmpty()) {
                MachineCase b = before.get(i);
                out.add(String.format("%s %s: mine/host%s; before rax=%x rcx=%x rdx=%x rbx=%x flags=%x memory=%x %x",
                        form.mnemonic(),
                        HexFormat.of().formatHex(code), difference, b.rax, b.rcx, b.rdx, b.rbx, b.flags,
                        b.memory[0], b.memory[1]));
                return;
            }
        }
    }

    private static final long[] ODD = {0, 1, -1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFFL, 0x8000_0000L,
        0xFFFF_FFFFL, Long.MAX_VALUE, Long.MIN_VALUE, 2, 31, 32, 33, 63, 64};

    private static long number(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> ODD[random.nextInt(ODD.length)];
            case 1 -> random.nextLong() >> random.nextInt(64);
            default -> random.nextLong();
        };
    }

    private static MachineCase state(Random random) {
        var state = new MachineCase();
        state.rax = number(random);
        state.rcx = number(random);
        state.rdx = random.nextInt(3) == 0 ? number(random) : random.nextLong() >>> 1 + random.nextInt(60);
        state.rbx = number(random);
        state.flags = random.nextInt() & MachineCase.ARITHMETIC_FLAGS;
        for (int i = 0; i < 16; i++) {
            state.memory[i] = number(random);
        }
        for (int i = 0; i < 32; i++) {
            state.fpu.xmm[i] = random.nextInt(3) == 0 ? number(random)
                    : random.nextBoolean() ? Double.doubleToRawLongBits(random.nextGaussian() * 1000)
                            : Float.floatToRawIntBits((float) random.nextGaussian() * 100) & 0xFFFF_FFFFL
                                    | (long) Float.floatToRawIntBits((float) random.nextGaussian()) << 32;
        }
        state.fpu.top = random.nextInt(8);
        state.fpu.ftw = random.nextInt(3) == 0 ? random.nextInt(256) : 0xFF;
        for (int i = 0; i < 8; i++) {
            state.fpu.significand[i] = random.nextLong() | Long.MIN_VALUE;
            state.fpu.signExponent[i] = 0x3FF0 + random.nextInt(32) | random.nextInt(2) << 15;
        }
        return state;
    }

    private static void run(TestProcessor p, MachineCase state) {
        Cpu c = p.cpu;
        p.longMode(CODE, 3);
        for (int i = 0; i < 16; i++) {
            p.memory.writeLong(MEMORY + 8 * i, state.memory[i]);
        }
        c.fpu.copyFrom(state.fpu);
        Arrays.fill(c.gpr, 0);
        c.gpr[0] = state.rax;
        c.gpr[1] = state.rcx;
        c.gpr[2] = state.rdx;
        c.gpr[3] = state.rbx;
        c.gpr[4] = 0x7000;
        c.gpr[7] = MEMORY;
        Flags.setArithmetic(c, (int) state.flags);
        c.flags = Flags.IF;
        Interpreter.Reason reason = p.interpreter.run();
        if (reason != Interpreter.Reason.STEPPED) {
            throw new AssertionError("Stopped with " + reason);
        }
        state.signal = 0;
        if (c.rip >= HANDLERS && c.rip < HANDLERS + 512) {
            int vector = (int) (c.rip - HANDLERS) / 16;
            state.signal = switch (vector) {
                case Vector.DE, Vector.MF, Vector.XM -> 8;
                case Vector.UD -> 4;
                default -> 11;
            };
        }
        state.fpu.copyFrom(c.fpu);
        state.rax = c.gpr[0];
        state.rcx = c.gpr[1];
        state.rdx = c.gpr[2];
        state.rbx = c.gpr[3];
        state.flags = Flags.arithmetic(c);
        for (int i = 0; i < 16; i++) {
            state.memory[i] = p.memory.readLong(MEMORY + 8 * i);
        }
    }

    /** The flags that the manuals leave undefined. */
    private static long undefined(Mnemonic mnemonic, Instruction in, MachineCase before) {
        if (in.form.operands().isEmpty()) {
            return 0;
        }
        int count = in.form.operands().contains(OperandKind.CL) ? (int) before.rcx
                : in.form.operands().contains(OperandKind.ONE) ? 1 : (int) in.immediate;
        count &= in.operandSize == 8 && in.form.operands().getFirst() != OperandKind.Eb ? 63 : 31;
        return switch (mnemonic) {
            case AND, OR, XOR, TEST -> Flags.AF;
            case MUL, IMUL -> Flags.SF | Flags.ZF | Flags.AF | Flags.PF;
            case DIV, IDIV -> Flags.ARITHMETIC;
            case BSF, BSR -> Flags.ARITHMETIC & ~Flags.ZF;
            case BT, BTS, BTR, BTC -> Flags.OF | Flags.SF | Flags.AF | Flags.PF;
            case SHL, SHR, SAR -> count == 0 ? 0 : Flags.AF | (count > 1 ? Flags.OF : 0)
                    | (count >= 8 * in.form.operands().getFirst().bytes(in) ? Flags.CF : 0);
            case SHLD, SHRD -> count == 0 ? 0 : count > 8 * in.operandSize ? Flags.ARITHMETIC
                    : Flags.AF | (count > 1 ? Flags.OF : 0);
            case ROL, ROR, RCL, RCR -> count > 1 ? Flags.OF : 0;
            default -> 0;
        };
    }

}
