package dev.vz.emulator.decode;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One line of the opcode tables: an encoding and what it names.
 *
 * @param mnemonic the operation
 * @param operands destination first
 * @param prefix mandatory prefix
 * @param opcode the last opcode byte
 * @param mod what ModRM.mod must be
 * @param digit what ModRM.reg must be, or -1
 * @param exact what the whole ModRM byte must be, or -1
 * @param attributes the rest
 */
public record InstructionForm(Mnemonic mnemonic, List<OperandKind> operands, Prefix prefix, int opcode, Mod mod,
        int digit, int exact, Set<Attribute> attributes) {

    /** Copies the collections. */
    public InstructionForm {
        operands = List.copyOf(operands);
        attributes = attributes.isEmpty() ? EnumSet.noneOf(Attribute.class) : EnumSet.copyOf(attributes);
    }

    /** The prefix that is part of an opcode. */
    public enum Prefix {
        /** Whatever there is does not choose the form. */
        ANY,
        /** None of 66, F2, F3. */
        NONE,
        /** 66, without F2 and F3. */
        OPERAND_SIZE,
        /** F3. */
        REPEAT,
        /** F2. */
        REPEAT_NOT
    }

    /** What ModRM.mod has to be. */
    public enum Mod {
        /** Anything. */
        ANY,
        /** Not 3: a memory operand. */
        MEMORY,
        /** 3: a register operand. */
        REGISTER
    }

    /** What else is to be known of a form. */
    public enum Attribute {
        /** LOCK is allowed if the destination is memory. */
        LOCK,
        /** REP repeats it. */
        REP,
        /** Invalid in 64-bit mode. */
        I64,
        /** Only in 64-bit mode. */
        O64,
        /** The operand size in 64-bit mode is 64, or 16 with prefix 66. */
        D64,
        /** The operand size in 64-bit mode is 64, whatever the prefixes. */
        F64,
        /** A 16-byte memory operand need not be aligned. */
        UNALIGNED,
        /** ModRM.mod is taken as 3 whatever it is. */
        MODIGNORED
    }

    /** Whether the attribute is there. */
    public boolean has(Attribute attribute) {
        return attributes.contains(attribute);
    }

    /** Operand {@code index}, or {@code null} if there are fewer. */
    public @Nullable OperandKind operand(int index) {
        return index < operands.size() ? operands.get(index) : null;
    }

    boolean hasModrm() {
        return digit >= 0 || exact >= 0 || mod != Mod.ANY || operands.stream().anyMatch(OperandKind::needsModrm);
    }

    boolean matches(Prefix given, int modrm, boolean code64) {
        if (prefix != Prefix.ANY && prefix != given || has(code64 ? Attribute.I64 : Attribute.O64)) {
            return false;
        }
        if (exact >= 0) {
            return modrm == exact;
        }
        return (digit < 0 || digit == (modrm >> 3 & 7)) && switch (mod) {
            case ANY -> true;
            case MEMORY -> modrm < 0xC0;
            case REGISTER -> modrm >= 0xC0;
        };
    }
}
