package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.emulator.hostcpu.VectorOperands;
import java.util.List;
import java.util.SplittableRandom;

/** The part of the table that compares strings: every control byte of each of the four instructions. */
final class StringInstructions {

    private StringInstructions() {}

    static void addTo(List<VectorInstruction> table) {
        for (int i = 0; i < 128; i++) {
            int control = i;
            String rest = " C1 %02X".formatted(control);
            table.add(VectorInstruction.of("pcmpistri", "66 0F 3A 63" + rest, StringInstructions::strings,
                    c -> index(c, StringComparison.pcmpistri(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control))));
            table.add(VectorInstruction.of("pcmpistrm", "66 0F 3A 62" + rest, StringInstructions::strings,
                    c -> c.flags = StringComparison.pcmpistrm(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control)));
            table.add(VectorInstruction.of("pcmpestri", "66 0F 3A 61" + rest, StringInstructions::strings,
                    c -> index(c, StringComparison.pcmpestri(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control,
                            (int) c.rax, (int) c.rdx))));
            table.add(VectorInstruction.of("pcmpestrm", "66 48 0F 3A 60" + rest, StringInstructions::strings,
                    c -> c.flags = StringComparison.pcmpestrm(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control, c.rax,
                            c.rdx)));
        }
    }

    private static void index(MachineCase c, long result) {
        c.rcx = result >>> 32;
        c.flags = result & 0xFFFF_FFFFL;
    }

    /** Strings over few letters that often share parts, and lengths of both signs around the register's. */
    private static void strings(MachineCase c, SplittableRandom random) {
        VectorOperands.integers(c, random);
        FpuState s = c.fpu;
        if (random.nextInt(4) != 0) {
            int letters = 2 + random.nextInt(5);
            int width = random.nextBoolean() ? 8 : 16;
            for (int i = 0; i < 4; i++) {
                long word = 0;
                for (int shift = 0; shift < 64; shift += width) {
                    long letter = random.nextInt(24) == 0 ? 0
                            : random.nextInt(letters) - 1L + random.nextInt(2) * 0x7FL;
                    word |= (letter & (1L << width) - 1) << shift;
                }
                s.xmm[i] = word;
            }
        }
        if (random.nextInt(3) == 0) {
            int shift = 8 * random.nextInt(8);
            s.xmm[2] = shift == 0 ? s.xmm[0] : s.xmm[0] << shift | s.xmm[2] & (1L << shift) - 1;
        }
        if (random.nextInt(8) != 0) {
            c.rax = random.nextInt(41) - 20L;
            c.rdx = random.nextInt(41) - 20L;
        }
    }
}
