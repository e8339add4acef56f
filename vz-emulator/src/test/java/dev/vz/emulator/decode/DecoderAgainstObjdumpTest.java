package dev.vz.emulator.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lengths, mnemonics and operands are those that GNU objdump sees. */
class DecoderAgainstObjdumpTest {

    private static final int CASES = Integer.getInteger("vz.decoder.cases", 12_000);

    /** Valid on processors, or with a meaning that objdump does not show. */
    private static final Set<Mnemonic> NOT_IN_OBJDUMP = Set.of(Mnemonic.SALC, Mnemonic.MFENCE, Mnemonic.SFENCE,
            Mnemonic.LFENCE, Mnemonic.VMMCALL, Mnemonic.WBINVD, Mnemonic.FWAIT, Mnemonic.HINT);
    /** Operands spelled in another way there: pseudo-operations, pointer sizes, registers widened by REX.W. */
    private static final Set<Mnemonic> OTHER_SPELLING = Set.of(Mnemonic.CMPPS, Mnemonic.CMPPD, Mnemonic.CMPSS,
            Mnemonic.CMPSD, Mnemonic.BOUND, Mnemonic.BSWAP, Mnemonic.CMPXCHG8B, Mnemonic.INVPCID, Mnemonic.LDDQU,
            Mnemonic.LFS, Mnemonic.LGS, Mnemonic.LSS, Mnemonic.LDS, Mnemonic.LES, Mnemonic.MOVMSKPD, Mnemonic.MOVMSKPS,
            Mnemonic.PMOVMSKB, Mnemonic.CALLF, Mnemonic.JMPF, Mnemonic.MOVSXD, Mnemonic.PCMPESTRI, Mnemonic.PCMPESTRM,
            Mnemonic.PREFETCHW);

    @BeforeEach
    void needsObjdump() {
        Peers.program("objdump", "binutils");
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void everyFormReadsAsObjdumpReadsIt(int codeSize) throws Exception {
        long seed = Long.getLong("vz.seed", System.nanoTime());
        var random = new Random(seed);
        var decoder = new Decoder();
        var slots = new byte[CASES * Objdump.SLOT];
        Arrays.fill(slots, (byte) 0x90);
        var instructions = new ArrayList<Instruction>();
        List<InstructionForm> forms = OpcodeTable.instance().forms();
        while (instructions.size() < CASES) {
            InstructionForm form = forms.get(instructions.size() < forms.size() && random.nextInt(4) != 0
                    ? instructions.size() : random.nextInt(forms.size()));
            byte[] code = Encodings.random(form, codeSize, random);
            var instruction = new Instruction();
            if (form.has(InstructionForm.Attribute.I64) && codeSize == 64
                    || decoder.decode(code, 0, code.length, codeSize, instruction) < 0) {
                continue;
            }
            System.arraycopy(code, 0, slots, instructions.size() * Objdump.SLOT, instruction.length);
            instructions.add(instruction);
        }
        List<Objdump.Line> lines = Objdump.disassemble(slots, codeSize);
        var differences = new ArrayList<String>();
        for (int i = 0; i < CASES; i++) {
            Instruction mine = instructions.get(i);
            Objdump.Line theirs = lines.get(i);
            String myText = Objdump.normalize(Disassembly.text(mine, (long) i * Objdump.SLOT));
            String theirText = Objdump.normalize(theirs.text());
            if (!agrees(mine, myText, theirs, theirText)) {
                differences.add(String.format("%s: %d \"%s\", objdump %d \"%s\"",
                        hex(slots, i * Objdump.SLOT, mine.length), mine.length, myText, theirs.length(), theirText));
            }
        }
        assertThat(differences).as("seed %d, %d-bit code", seed, codeSize).isEmpty();
    }

    private static boolean agrees(Instruction mine, String myText, Objdump.Line theirs, String theirText) {
        Mnemonic mnemonic = mine.form.mnemonic();
        if (NOT_IN_OBJDUMP.contains(mnemonic)
                || theirText.equals("(bad)") && mine.form.opcode() >= 0xD9 && mine.form.opcode() <= 0xDF) {
            return true; // the last: undocumented doubles of x87 register forms
        }
        if (mine.length != theirs.length()) {
            return false;
        }
        boolean wraps = mine.codeSize != 64 && mine.operandSize == 2
                && mine.form.operand(0) != null && mine.form.operand(0).place() == OperandKind.Place.RELATIVE;
        boolean indexOnly = theirs.text().contains("iz*");
        boolean trackedBranch = mine.segmentPrefix == 3 && (mnemonic == Mnemonic.JMP || mnemonic == Mnemonic.CALL);
        boolean widenedNop = myText.equals("nop") && theirText.startsWith("xchg");
        return OTHER_SPELLING.contains(mnemonic) || wraps || indexOnly || trackedBranch || widenedNop
                || myText.equals(theirText);
    }

    private static String hex(byte[] bytes, int offset, int length) {
        var text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append(String.format("%02x", bytes[offset + i]));
        }
        return text.toString();
    }
}
