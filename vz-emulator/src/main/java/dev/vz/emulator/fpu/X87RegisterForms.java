package dev.vz.emulator.fpu;

/** The register forms of the escape opcodes, a function per opcode; see {@link X87Escapes#register}. */
final class X87RegisterForms {

    private static final int CF = 0x01;
    private static final int PF = 0x04;
    private static final int ZF = 0x40;

    private X87RegisterForms() {}

    static void toTop(FpuState s, int extension, int i) {
        switch (extension) {
            case 0 -> X87Arithmetic.fadd(s, 0, i);
            case 1 -> X87Arithmetic.fmul(s, 0, i);
            case 2 -> X87Compare.fcom(s, i);
            case 3 -> X87Compare.fcomp(s, i);
            case 4 -> X87Arithmetic.fsub(s, 0, i);
            case 5 -> X87Arithmetic.fsubr(s, 0, i);
            case 6 -> X87Arithmetic.fdiv(s, 0, i);
            default -> X87Arithmetic.fdivr(s, 0, i);
        }
    }

    static void toRegister(FpuState s, int extension, int i) {
        switch (extension) {
            case 0 -> X87Arithmetic.fadd(s, i, 0);
            case 1 -> X87Arithmetic.fmul(s, i, 0);
            case 2 -> X87Compare.fcom(s, i);
            case 3 -> X87Compare.fcomp(s, i);
            case 4 -> X87Arithmetic.fsubr(s, i, 0);
            case 5 -> X87Arithmetic.fsub(s, i, 0);
            case 6 -> X87Arithmetic.fdivr(s, i, 0);
            default -> X87Arithmetic.fdiv(s, i, 0);
        }
    }

    static int escapeD9(FpuState s, int modrm, int i) {
        switch (modrm) {
            case 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7 -> X87Transfer.fld(s, i);
            case 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF -> X87Transfer.fxch(s, i);
            case 0xD0 -> {
                // FNOP
            }
            case 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF -> X87Transfer.fstpnce(s, i);
            case 0xE0 -> X87Number.fchs(s);
            case 0xE1 -> X87Number.fabs(s);
            case 0xE4 -> X87Compare.ftst(s);
            case 0xE5 -> X87Compare.fxam(s);
            case 0xE8 -> X87Constant.fld1(s);
            case 0xE9 -> X87Constant.fldl2t(s);
            case 0xEA -> X87Constant.fldl2e(s);
            case 0xEB -> X87Constant.fldpi(s);
            case 0xEC -> X87Constant.fldlg2(s);
            case 0xED -> X87Constant.fldln2(s);
            case 0xEE -> X87Constant.fldz(s);
            case 0xF0 -> X87Exponential.f2xm1(s);
            case 0xF1 -> X87Exponential.fyl2x(s);
            case 0xF2 -> X87Trigonometry.fptan(s);
            case 0xF3 -> X87Arctangent.fpatan(s);
            case 0xF4 -> X87Number.fxtract(s);
            case 0xF5 -> X87Remainder.fprem1(s);
            case 0xF6 -> X87Transfer.fdecstp(s);
            case 0xF7 -> X87Transfer.fincstp(s);
            case 0xF8 -> X87Remainder.fprem(s);
            case 0xF9 -> X87Exponential.fyl2xp1(s);
            case 0xFA -> X87Number.fsqrt(s);
            case 0xFB -> X87Trigonometry.fsincos(s);
            case 0xFC -> X87Number.frndint(s);
            case 0xFD -> X87Number.fscale(s);
            case 0xFE -> X87Trigonometry.fsin(s);
            case 0xFF -> X87Trigonometry.fcos(s);
            default -> {
                return X87Escapes.UNDEFINED;
            }
        }
        return X87Escapes.DONE;
    }

    static int escapeDA(FpuState s, int modrm, int i, int eflags) {
        if (modrm < 0xE0) {
            X87Transfer.fcmov(s, i, condition(modrm, eflags));
        } else if (modrm == 0xE9) {
            X87Compare.fucompp(s);
        } else {
            return X87Escapes.UNDEFINED;
        }
        return X87Escapes.DONE;
    }

    static int escapeDB(FpuState s, int modrm, int i, int eflags) {
        switch (modrm >>> 3 & 7) {
            case 0, 1, 2, 3 -> X87Transfer.fcmov(s, i, !condition(modrm, eflags));
            case 4 -> {
                return control(s, modrm);
            }
            case 5 -> {
                return flags(X87Compare.fucomi(s, i));
            }
            case 6 -> {
                return flags(X87Compare.fcomi(s, i));
            }
            default -> {
                return X87Escapes.UNDEFINED;
            }
        }
        return X87Escapes.DONE;
    }

    /** FNENI, FNDISI and FNSETPM of older coprocessors do nothing. */
    private static int control(FpuState s, int modrm) {
        switch (modrm) {
            case 0xE0, 0xE1, 0xE4 -> {
                return X87Escapes.DONE;
            }
            case 0xE2 -> X87Control.fnclex(s);
            case 0xE3 -> X87Control.fninit(s);
            default -> {
                return X87Escapes.UNDEFINED;
            }
        }
        return X87Escapes.DONE;
    }

    static int escapeDD(FpuState s, int extension, int i) {
        switch (extension) {
            case 0 -> X87Transfer.ffree(s, i);
            case 1 -> X87Transfer.fxch(s, i);
            case 2 -> X87Transfer.fst(s, i);
            case 3 -> X87Transfer.fstp(s, i);
            case 4 -> X87Compare.fucom(s, i);
            case 5 -> X87Compare.fucomp(s, i);
            default -> {
                return X87Escapes.UNDEFINED;
            }
        }
        return X87Escapes.DONE;
    }

    static int escapeDE(FpuState s, int extension, int i) {
        switch (extension) {
            case 0 -> X87Arithmetic.faddp(s, i);
            case 1 -> X87Arithmetic.fmulp(s, i);
            case 2 -> X87Compare.fcomp(s, i);
            case 3 -> {
                if (i != 1) {
                    return X87Escapes.UNDEFINED;
                }
                X87Compare.fcompp(s);
            }
            case 4 -> X87Arithmetic.fsubrp(s, i);
            case 5 -> X87Arithmetic.fsubp(s, i);
            case 6 -> X87Arithmetic.fdivrp(s, i);
            default -> X87Arithmetic.fdivp(s, i);
        }
        return X87Escapes.DONE;
    }

    static int escapeDF(FpuState s, int modrm, int i) {
        switch (modrm >>> 3 & 7) {
            case 0 -> X87Transfer.ffreep(s, i);
            case 1 -> X87Transfer.fxch(s, i);
            case 2, 3 -> X87Transfer.fstp(s, i);
            case 4 -> {
                return modrm == 0xE0 ? X87Escapes.STATUS_TO_AX : X87Escapes.UNDEFINED;
            }
            case 5 -> {
                return flags(X87Compare.fucomip(s, i));
            }
            case 6 -> {
                return flags(X87Compare.fcomip(s, i));
            }
            default -> {
                return X87Escapes.UNDEFINED;
            }
        }
        return X87Escapes.DONE;
    }

    private static int flags(int order) {
        return X87Escapes.FLAGS | order << 8;
    }

    /** The conditions of FCMOVcc: below, equal, below or equal, unordered. */
    private static boolean condition(int modrm, int eflags) {
        int mask = switch (modrm >>> 3 & 3) {
            case 0 -> CF;
            case 1 -> ZF;
            case 2 -> CF | ZF;
            default -> PF;
        };
        return (eflags & mask) != 0;
    }
}
