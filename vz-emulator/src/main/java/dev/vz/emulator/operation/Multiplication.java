package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fault.Vector;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** MUL, IMUL, DIV and IDIV. */
final class Multiplication {

    private static final Template TRUNCATED = new Template(MethodHandles.lookup(), Truncated.class);
    private static final Template TRUNCATED_MEMORY = new Template(MethodHandles.lookup(), TruncatedMemory.class);

    private Multiplication() {}

    static void register(Operations all) {
        all.add(Mnemonic.MUL, (in, ip, nextIp) -> new Full(in, ip, nextIp, false));
        all.add(Mnemonic.IMUL, (in, ip, nextIp) -> {
            int count = in.form.operands().size();
            if (count == 1) {
                return new Full(in, ip, nextIp, true);
            }
            int s = Operands.width(in, 0);
            int three = count - 2;
            return in.memory ? TRUNCATED_MEMORY.make(in, ip, nextIp, s, three, MemoryOp.addressing(in))
                    : TRUNCATED.make(in, ip, nextIp, s, three, 0);
        });
        all.add(Mnemonic.DIV, (in, ip, nextIp) -> new Divide(in, ip, nextIp, false));
        all.add(Mnemonic.IDIV, (in, ip, nextIp) -> new Divide(in, ip, nextIp, true));
    }

    /** The low half of a product; sets the flags. */
    static long multiply(Cpu c, int s, long a, long b) {
        long x = a << s >> s;
        long y = b << s >> s;
        long product = x * y;
        long low = product << s >> s;
        boolean wide = s == 0 ? Math.multiplyHigh(x, y) != product >> 63 : low != product;
        Alu.multiplied(c, low, wide);
        return low;
    }

    /** IMUL with a register. */
    static final class Truncated extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final boolean THREE = constant(MethodHandles.lookup(), 1) != 0;

        private int target;
        private int source;
        private long immediate;

        @Override
        TemplateOp fresh() {
            return new Truncated();
        }

        @Override
        void operands(Instruction in) {
            target = in.reg;
            source = in.rm;
            immediate = in.immediate;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            Width.set(r, S, target, multiply(c, S, r[source], THREE ? immediate : r[target]));
            return next;
        }
    }

    /** IMUL with memory. */
    static final class TruncatedMemory extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final boolean THREE = constant(MethodHandles.lookup(), 1) != 0;
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        private int target;
        private long immediate;

        @Override
        TemplateOp fresh() {
            return new TruncatedMemory();
        }

        @Override
        void operands(Instruction in) {
            target = in.reg;
            immediate = in.immediate;
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = Width.load(c, S, address(c, ADDRESSING, Width.bytes(S), false));
            long[] r = c.gpr;
            Width.set(r, S, target, multiply(c, S, value, THREE ? immediate : r[target]));
            return next;
        }
    }

    /** MUL and one-operand IMUL: a product of twice the width. */
    private static final class Full extends RmOp {
        private final boolean signed;

        Full(Instruction in, long ip, long nextIp, boolean signed) {
            super(in, ip, nextIp, 0);
            this.signed = signed;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long b = load(c);
            long a = r[0];
            if (s == 0) {
                long low = a * b;
                long high = signed ? Math.multiplyHigh(a, b) : Math.unsignedMultiplyHigh(a, b);
                r[0] = low;
                r[2] = high;
                Alu.multiplied(c, low, signed ? high != low >> 63 : high != 0);
                return next;
            }
            long x = signed ? a << s >> s : a << s >>> s;
            long y = signed ? b << s >> s : b << s >>> s;
            long product = x * y;
            long low = product << s >> s;
            if (s == Width.BYTE) {
                Width.set(r, Width.WORD, 0, product);
            } else {
                Width.set(r, s, 0, product);
                Width.set(r, s, 2, product >> 64 - s);
            }
            Alu.multiplied(c, low, signed ? low != product : product << s >>> s != product);
            return next;
        }
    }

    /** DIV and IDIV. The flags are undefined and stay. */
    private static final class Divide extends RmOp {
        private final boolean signed;

        Divide(Instruction in, long ip, long nextIp, boolean signed) {
            super(in, ip, nextIp, 0);
            this.signed = signed;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long divisor = load(c);
            divisor = signed ? divisor << s >> s : divisor << s >>> s;
            if (divisor == 0) {
                throw c.raise(Vector.DE);
            }
            if (s == 0) {
                wide(c, divisor);
                return next;
            }
            long dividend = s == Width.BYTE ? r[0] & 0xFFFF
                    : s == Width.WORD ? (r[2] & 0xFFFF) << 16 | r[0] & 0xFFFF
                            : r[2] << 32 | r[0] & 0xFFFF_FFFFL;
            long quotient;
            long remainder;
            if (signed) {
                dividend = s == Width.BYTE ? (short) dividend : s == Width.WORD ? (int) dividend : dividend;
                quotient = dividend / divisor;
                remainder = dividend % divisor;
                if (quotient << s >> s != quotient || dividend == Long.MIN_VALUE && divisor == -1) {
                    throw c.raise(Vector.DE);
                }
            } else {
                quotient = Long.divideUnsigned(dividend, divisor);
                remainder = Long.remainderUnsigned(dividend, divisor);
                if (quotient << s >>> s != quotient) {
                    throw c.raise(Vector.DE);
                }
            }
            if (s == Width.BYTE) {
                Width.set(r, Width.WORD, 0, quotient & 0xFF | (remainder & 0xFF) << 8);
            } else {
                Width.set(r, s, 0, quotient);
                Width.set(r, s, 2, remainder);
            }
            return next;
        }

        private void wide(Cpu c, long divisor) {
            long[] r = c.gpr;
            long high = r[2];
            long low = r[0];
            if (!signed) {
                if (Long.compareUnsigned(high, divisor) >= 0) {
                    throw c.raise(Vector.DE);
                }
                divideUnsigned(r, high, low, divisor);
                return;
            }
            boolean negative = high < 0;
            if (negative) {
                low = -low;
                high = ~high + (low == 0 ? 1 : 0);
            }
            long magnitude = Math.abs(divisor); // the least value stays itself, which is its magnitude unsigned
            if (Long.compareUnsigned(high, magnitude) >= 0) {
                throw c.raise(Vector.DE);
            }
            long oldLow = r[0];
            long oldHigh = r[2];
            divideUnsigned(r, high, low, magnitude);
            long quotient = r[0];
            boolean negativeQuotient = negative != divisor < 0;
            boolean fits = negativeQuotient ? Long.compareUnsigned(quotient, Long.MIN_VALUE) <= 0 : quotient >= 0;
            if (!fits) {
                r[0] = oldLow;
                r[2] = oldHigh;
                throw c.raise(Vector.DE);
            }
            r[0] = negativeQuotient ? -quotient : quotient;
            r[2] = negative ? -r[2] : r[2];
        }

        /** RAX and RDX become quotient and remainder of a 128-bit dividend whose high half is below the divisor. */
        private static void divideUnsigned(long[] r, long high, long low, long divisor) {
            if (high == 0) {
                r[0] = Long.divideUnsigned(low, divisor);
                r[2] = Long.remainderUnsigned(low, divisor);
                return;
            }
            // Knuth's algorithm D with two 32-bit digits in base 2^32.
            int shift = Long.numberOfLeadingZeros(divisor);
            long d = divisor << shift;
            long dHigh = d >>> 32;
            long dLow = d & 0xFFFF_FFFFL;
            long n = shift == 0 ? high : high << shift | low >>> 64 - shift;
            long rest = low << shift;
            long q1 = digit(n, dHigh, dLow, rest >>> 32);
            n = (n << 32 | rest >>> 32) - q1 * d;
            long q0 = digit(n, dHigh, dLow, rest & 0xFFFF_FFFFL);
            n = (n << 32 | rest & 0xFFFF_FFFFL) - q0 * d;
            r[0] = q1 << 32 | q0;
            r[2] = n >>> shift;
        }

        private static long digit(long n, long dHigh, long dLow, long next) {
            long q = Long.divideUnsigned(n, dHigh);
            long rest = n - q * dHigh;
            while (q >>> 32 != 0 || Long.compareUnsigned(q * dLow, rest << 32 | next) > 0) {
                q--;
                rest += dHigh;
                if (rest >>> 32 != 0) {
                    break;
                }
            }
            return q;
        }
    }
}
