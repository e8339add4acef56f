package dev.vz.conformance;

import dev.vz.error.ConfigurationException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Bytes, labels, and the encoding of prefixes and operands (Intel SDM 2A, chapter 2). */
final class CodeBuffer {

    private record Fixup(int at, int size, String label, boolean relative) {}

    private final int bits;
    private final long origin;
    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private final Map<String, Integer> labels = new HashMap<>();
    private final List<Fixup> fixups = new ArrayList<>();

    CodeBuffer(int bits, long origin) {
        this.bits = bits;
        this.origin = origin;
    }

    int wordSize() {
        return bits / 8;
    }

    int size() {
        return code.size();
    }

    void bytes(int... bytes) {
        for (int b : bytes) {
            code.write(b);
        }
    }

    void little(long value, int size) {
        for (int i = 0; i < size; i++) {
            code.write((int) (value >>> 8 * i));
        }
    }

    void label(String name) {
        if (labels.put(name, code.size()) != null) {
            throw new ConfigurationException("The label " + name + " is there twice");
        }
    }

    /** Room for the address of {@code label}, or for its distance from the end of this field. */
    void reference(String label, int size, boolean relative) {
        fixups.add(new Fixup(code.size(), size, label, relative));
        little(0, size);
    }

    long address(String label) {
        Integer at = labels.get(label);
        if (at == null) {
            throw new ConfigurationException("There is no label " + label);
        }
        return origin + at;
    }

    byte[] assemble() {
        byte[] bytes = code.toByteArray();
        for (Fixup fixup : fixups) {
            long target = address(fixup.label);
            long value = fixup.relative ? target - (origin + fixup.at + fixup.size) : target;
            for (int i = 0; i < fixup.size; i++) {
                bytes[fixup.at + i] = (byte) (value >>> 8 * i);
            }
        }
        return bytes;
    }

    /** Operand-size prefix and REX; {@code reg} and {@code rm} are register numbers, or 0. */
    void prefixes(int size, int reg, int rm) {
        prefixes(size, reg, rm, false);
    }

    /** {@code byteRegister}: SPL to DIL are meant, which only a REX prefix tells from AH to BH. */
    private void prefixes(int size, int reg, int rm, boolean byteRegister) {
        if (size == 2 && bits != 16 || size == 4 && bits == 16) {
            code.write(0x66);
        }
        int rex = (size == 8 ? 8 : 0) | reg >> 3 << 2 | rm >> 3;
        if (rex == 0 && !byteRegister) {
            return;
        }
        if (bits != 64) {
            throw new ConfigurationException("This operand needs 64-bit code");
        }
        code.write(0x40 | rex);
    }

    private void opcode(int size, int opcode) {
        int first = size == 1 ? opcode - 1 : opcode;
        if (first > 0xFF) {
            code.write(first >> 8);
        }
        code.write(first);
    }

    /** Two registers. {@code opcode} is that for operands wider than a byte; the one for bytes is less by one. */
    void registers(int size, int opcode, Register reg, Register rm) {
        registers(size, opcode, reg.ordinal(), rm, size == 1 && (reg.ordinal() >= 4 || rm.ordinal() >= 4));
    }

    /** A register, and a digit that is part of the opcode. */
    void register(int size, int opcode, int digit, Register rm) {
        registers(size, opcode, digit, rm, size == 1 && rm.ordinal() >= 4);
    }

    private void registers(int size, int opcode, int reg, Register rm, boolean byteRegister) {
        prefixes(size, reg, rm.ordinal(), byteRegister);
        opcode(size, opcode);
        bytes(0xC0 | (reg & 7) << 3 | rm.ordinal() & 7);
    }

    /** An instruction whose opcode holds the register. */
    void shortForm(int size, int opcode, Register register) {
        prefixes(size, 0, register.ordinal(), size == 1 && register.ordinal() >= 4);
        code.write(opcode | register.ordinal() & 7);
    }

    /** A register and memory. */
    void memory(int size, int opcode, Register reg, Memory rm) {
        memory(size, opcode, reg.ordinal(), rm, size == 1 && reg.ordinal() >= 4);
    }

    /** Memory, and a digit that is part of the opcode. */
    void memory(int size, int opcode, int digit, Memory rm) {
        memory(size, opcode, digit, rm, false);
    }

    private void memory(int size, int opcode, int reg, Memory rm, boolean byteRegister) {
        Register base = rm.base();
        prefixes(size, reg, base == null ? 0 : base.ordinal(), byteRegister);
        opcode(size, opcode);
        int field = (reg & 7) << 3;
        if (bits == 16) {
            memory16(field, rm);
        } else if (base != null) {
            bytes(0x80 | field | base.ordinal() & 7);
            if ((base.ordinal() & 7) == 4) {
                code.write(0x24);
            }
            little(rm.displacement(), 4);
        } else if (bits == 64) {
            bytes(field | 4, 0x25); // the short form would be relative to RIP
            little(rm.displacement(), 4);
        } else {
            bytes(field | 5);
            little(rm.displacement(), 4);
        }
    }

    private void memory16(int field, Memory rm) {
        if (rm.base() == null) {
            bytes(field | 6);
        } else {
            bytes(0x80 | field | switch (rm.base()) {
                case SI -> 4;
                case DI -> 5;
                case BP -> 6;
                case BX -> 7;
                default -> throw new ConfigurationException("16-bit code cannot address through " + rm.base());
            });
        }
        little(rm.displacement(), 2);
    }
}
