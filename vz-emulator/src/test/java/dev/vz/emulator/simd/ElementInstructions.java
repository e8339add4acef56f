package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.X87Control;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.emulator.hostcpu.VectorOperands;
import java.util.List;
import java.util.function.Consumer;

/** The part of the table that has general registers on one side: elements, masks, CRC32, POPCNT. */
final class ElementInstructions {

    private final List<VectorInstruction> table;

    private ElementInstructions(List<VectorInstruction> table) {
        this.table = table;
    }

    static void addTo(List<VectorInstruction> table) {
        var instructions = new ElementInstructions(table);
        instructions.insertions();
        instructions.extractions();
        instructions.masks();
        instructions.checksums();
    }

    private void add(String name, String code, Consumer<MachineCase> model) {
        table.add(VectorInstruction.of(name, code, VectorOperands::integers, model));
    }

    /** Insertions take RAX: ModRM 0xC0. */
    private void insertions() {
        for (int element : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 11, 14, 15, 0xFD}) {
            String rest = " C0 %02X".formatted(element);
            add("pinsrw", "0F C4" + rest, c -> {
                X87Control.enterMmx(c.fpu);
                X87Control.setMm(c.fpu, 0, PackedElement.pinsrw(c.fpu.significand[0], (int) c.rax, element));
            });
            add("pinsrw", "66 0F C4" + rest, c -> PackedElement.pinsrw(c.fpu, 0, (int) c.rax, element));
            add("pinsrb", "66 0F 3A 20" + rest, c -> PackedElement.pinsrb(c.fpu, 0, (int) c.rax, element));
            add("pinsrd", "66 0F 3A 22" + rest, c -> PackedElement.pinsrd(c.fpu, 0, (int) c.rax, element));
            add("pinsrq", "66 48 0F 3A 22" + rest, c -> PackedElement.pinsrq(c.fpu, 0, c.rax, element));
        }
        for (int control : new int[] {0x00, 0x51, 0xA2, 0xF4, 0x98, 0x0F, 0x6C, 0xC3}) {
            add("insertps", "66 0F 3A 21 C1 %02X".formatted(control), c -> PackedElement.insertps(c.fpu, 0,
                    PackedElement.pextrd(c.fpu, 1, control >>> 6), control));
        }
    }

    /** Extractions give RAX from register 0 (ModRM 0xC0), except the older PEXTRW, which is from register 1 (0xC1). */
    private void extractions() {
        for (int element : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 11, 14, 15, 0xFD}) {
            String rest = " C0 %02X".formatted(element);
            String reversed = " C1 %02X".formatted(element);
            add("pextrw", "0F C5" + reversed, c -> {
                X87Control.enterMmx(c.fpu);
                c.rax = PackedElement.pextrw(c.fpu.significand[1], element);
            });
            add("pextrw", "66 0F C5" + reversed, c -> c.rax = PackedElement.pextrw(c.fpu, 1, element));
            add("pextrw", "66 0F 3A 15" + rest, c -> c.rax = PackedElement.pextrw(c.fpu, 0, element));
            add("pextrb", "66 0F 3A 14" + rest, c -> c.rax = PackedElement.pextrb(c.fpu, 0, element));
            add("pextrd", "66 0F 3A 16" + rest,
                    c -> c.rax = PackedElement.pextrd(c.fpu, 0, element) & 0xFFFF_FFFFL);
            add("pextrd", "66 0F 3A 17" + rest,
                    c -> c.rax = PackedElement.pextrd(c.fpu, 0, element) & 0xFFFF_FFFFL);
            add("pextrq", "66 48 0F 3A 16" + rest, c -> c.rax = PackedElement.pextrq(c.fpu, 0, element));
        }
    }

    private void masks() {
        add("pmovmskb", "0F D7 C1", c -> {
            X87Control.enterMmx(c.fpu);
            c.rax = PackedElement.pmovmskb(c.fpu.significand[1]);
        });
        add("pmovmskb", "66 0F D7 C1", c -> c.rax = PackedElement.pmovmskb(c.fpu.xmm[2], c.fpu.xmm[3]));
        add("movmskps", "0F 50 C1", c -> c.rax = PackedElement.movmskps(c.fpu.xmm[2], c.fpu.xmm[3]));
        add("movmskpd", "66 0F 50 C1", c -> c.rax = PackedElement.movmskpd(c.fpu.xmm[2], c.fpu.xmm[3]));
    }

    /** The checksum is in EAX, the data in RCX. */
    private void checksums() {
        add("crc32b", "F2 0F 38 F0 C1", c -> c.rax = Polynomial.crc32b((int) c.rax, (int) c.rcx) & 0xFFFF_FFFFL);
        add("crc32w", "66 F2 0F 38 F1 C1", c -> c.rax = Polynomial.crc32w((int) c.rax, (int) c.rcx) & 0xFFFF_FFFFL);
        add("crc32l", "F2 0F 38 F1 C1", c -> c.rax = Polynomial.crc32l((int) c.rax, (int) c.rcx) & 0xFFFF_FFFFL);
        add("crc32q", "F2 48 0F 38 F1 C1", c -> c.rax = Polynomial.crc32q((int) c.rax, c.rcx) & 0xFFFF_FFFFL);
        add("popcntFlags", "F3 48 0F B8 C3", c -> {
            c.flags = Polynomial.popcntFlags(c.rbx);
            c.rax = Long.bitCount(c.rbx);
        });
    }
}
