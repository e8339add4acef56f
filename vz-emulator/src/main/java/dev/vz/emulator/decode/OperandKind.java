package dev.vz.emulator.decode;

import static dev.vz.emulator.decode.OperandKind.Place.*;
import static dev.vz.emulator.decode.OperandKind.Width.*;

/**
 * How one operand of an {@link InstructionForm} is encoded and how wide it is. The names are those of the opcode maps in
 * the Intel SDM, volume 2, appendix A, extended where one letter there means several things.
 */
public enum OperandKind {
    /** General register or memory, by ModRM.rm. */
    Eb(RM, BYTE), Ew(RM, WORD), Ed(RM, DWORD), Ev(RM, OPERAND), Ey(RM, DWORD_OR_QWORD), Ez(RM, WORD_OR_DWORD),
    /** Memory byte or word; as a register all 32 bits of it. */
    Edb(RM_NARROW_MEMORY, BYTE), Edw(RM_NARROW_MEMORY, WORD),
    /** Memory word; as a register the operand size. */
    Esw(RM_NARROW_MEMORY, WORD), Esel(RM_NARROW_MEMORY, WORD),
    /** General register by ModRM.reg. */
    Gb(REG, BYTE), Gw(REG, WORD), Gd(REG, DWORD), Gv(REG, OPERAND), Gy(REG, DWORD_OR_QWORD), Gz(REG, WORD_OR_DWORD),
    Gn(REG, NATIVE),
    /** General register by ModRM.rm, never memory. */
    Rv(RM_REGISTER, OPERAND), Ry(RM_REGISTER, NATIVE), Rx(RM_REGISTER, DWORD_OR_QWORD),
    /** General register in the opcode. */
    Zb(OPCODE_REGISTER, BYTE), Zv(OPCODE_REGISTER, OPERAND), Zy(OPCODE_REGISTER, DWORD_OR_QWORD),
    /** Memory only. */
    M(MEMORY, NONE), Mb(MEMORY, BYTE), Mw(MEMORY, WORD), Md(MEMORY, DWORD), Mq(MEMORY, QWORD), Mdq(MEMORY, XMMWORD),
    Mx(MEMORY, XMMWORD), My(MEMORY, DWORD_OR_QWORD), M8(MEMORY, PAIR), Mp(MEMORY, FAR_POINTER), Ms(MEMORY, NONE),
    Ma(MEMORY, OPERAND), Mfs(MEMORY, DWORD), Mfd(MEMORY, QWORD), Mft(MEMORY, TBYTE), Miw(MEMORY, WORD),
    Mid(MEMORY, DWORD), Miq(MEMORY, QWORD), Menv(MEMORY, NONE), Msave(MEMORY, NONE), Mfx(MEMORY, NONE),
    /** Memory at an address in the instruction. */
    Ob(OFFSET, BYTE), Ov(OFFSET, OPERAND),
    /** Immediates: plain, sign-extended from a byte, of at most 32 bits, full. */
    Ib(IMMEDIATE, BYTE), Ibs(IMMEDIATE, SIGNED_BYTE), Iw(IMMEDIATE, WORD), Iz(IMMEDIATE, WORD_OR_DWORD),
    Iv(IMMEDIATE, OPERAND), Ib2(SECOND_IMMEDIATE, BYTE),
    /** Branch displacements and far pointers. */
    Jb(RELATIVE, BYTE), Jz(RELATIVE, WORD_OR_DWORD), Ap(FAR_IMMEDIATE, FAR_POINTER),
    /** String operands at rSI and rDI. */
    Xb(SOURCE_STRING, BYTE), Xv(SOURCE_STRING, OPERAND), Xz(SOURCE_STRING, WORD_OR_DWORD), Yb(TARGET_STRING, BYTE),
    Yv(TARGET_STRING, OPERAND), Yz(TARGET_STRING, WORD_OR_DWORD),
    /** Segment, control and debug registers by ModRM.reg. */
    Sw(SEGMENT, WORD), Cy(CONTROL, NATIVE), Dy(DEBUG, NATIVE),
    /** Named registers and the constant one. */
    AL(ACCUMULATOR, BYTE), AX(ACCUMULATOR, WORD), eAX(ACCUMULATOR, WORD_OR_DWORD), rAX(ACCUMULATOR, OPERAND),
    CL(COUNT, BYTE), DX(PORT, WORD), ONE(CONSTANT, BYTE), ES(NAMED_SEGMENT, WORD), CS(NAMED_SEGMENT, WORD),
    SS(NAMED_SEGMENT, WORD), DS(NAMED_SEGMENT, WORD), FS(NAMED_SEGMENT, WORD), GS(NAMED_SEGMENT, WORD),
    /** MMX: by reg; by rm, or memory; by rm only. */
    Pq(MMX_REG, QWORD), Qq(MMX_RM, QWORD), Qd(MMX_RM, DWORD), Nq(MMX_RM_REGISTER, QWORD),
    /** XMM: by reg; by rm, or memory of that width; by rm only. */
    Vx(XMM_REG, XMMWORD), Wx(XMM_RM, XMMWORD), Wq(XMM_RM, QWORD), Wd(XMM_RM, DWORD), Ww(XMM_RM, WORD),
    Ux(XMM_RM_REGISTER, XMMWORD),
    /** x87 stack: top, and by rm. */
    ST(STACK_TOP, TBYTE), STi(STACK, TBYTE);

    /** Where an operand is found. */
    public enum Place {
        RM, RM_NARROW_MEMORY, REG, RM_REGISTER, OPCODE_REGISTER, MEMORY, OFFSET, IMMEDIATE, SECOND_IMMEDIATE, RELATIVE,
        FAR_IMMEDIATE, SOURCE_STRING, TARGET_STRING, SEGMENT, CONTROL, DEBUG, ACCUMULATOR, COUNT, PORT, CONSTANT,
        NAMED_SEGMENT, MMX_REG, MMX_RM, MMX_RM_REGISTER, XMM_REG, XMM_RM, XMM_RM_REGISTER, STACK_TOP, STACK
    }

    /** How wide an operand is. */
    public enum Width {
        /** No operand size: an address, or a structure. */
        NONE,
        /** One byte. */
        BYTE,
        /** One byte, widened to the operand size with its sign. */
        SIGNED_BYTE,
        /** Two bytes. */
        WORD,
        /** Four bytes. */
        DWORD,
        /** Eight bytes. */
        QWORD,
        /** Ten bytes. */
        TBYTE,
        /** Sixteen bytes. */
        XMMWORD,
        /** The operand size: 2, 4 or 8 bytes. */
        OPERAND,
        /** 2 bytes if the operand size is 2, else 4. */
        WORD_OR_DWORD,
        /** 8 bytes with REX.W, else 4. */
        DWORD_OR_QWORD,
        /** 8 bytes in 64-bit mode, else 4. */
        NATIVE,
        /** Twice 4 bytes, or twice 8 with REX.W. */
        PAIR,
        /** An offset of the operand size and a selector. */
        FAR_POINTER
    }

    private final Place place;
    private final Width width;

    OperandKind(Place place, Width width) {
        this.place = place;
        this.width = width;
    }

    /** Where it is found. */
    public Place place() {
        return place;
    }

    /** How wide it is. */
    public Width width() {
        return width;
    }

    /** Whether its encoding has a ModRM byte. */
    boolean needsModrm() {
        return switch (place) {
            case RM, RM_NARROW_MEMORY, REG, RM_REGISTER, MEMORY, SEGMENT, CONTROL, DEBUG, MMX_REG, MMX_RM, MMX_RM_REGISTER, XMM_REG, XMM_RM, XMM_RM_REGISTER, STACK ->
                    true;
            default -> false;
        };
    }

    /** Bytes of the operand in memory or register; 0 where it has no size. */
    public int bytes(Instruction instruction) {
        return switch (width) {
            case NONE -> 0;
            case BYTE -> 1;
            case WORD -> 2;
            case DWORD -> 4;
            case QWORD -> 8;
            case TBYTE -> 10;
            case XMMWORD -> 16;
            case SIGNED_BYTE, OPERAND -> instruction.operandSize;
            case WORD_OR_DWORD -> Math.min(instruction.operandSize, 4);
            case DWORD_OR_QWORD -> instruction.rexW() ? 8 : 4;
            case NATIVE -> instruction.codeSize == 64 ? 8 : 4;
            case PAIR -> instruction.rexW() ? 16 : 8;
            case FAR_POINTER -> instruction.operandSize + 2;
        };
    }
}
