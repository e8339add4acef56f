package dev.vz.emulator.operation;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, BSWAP, MOVBE and CRC32. */
final class Bits {

    private static final int TEST = 0;
    private static final int SET = 1;
    private static final int RESET = 2;

    private Bits() {}

    static void register(Operations all) {
        Mnemonic[] order = {Mnemonic.BT, Mnemonic.BTS, Mnemonic.BTR, Mnemonic.BTC};
        for (int i = 0; i < order.length; i++) {
            int operation = i;
            all.add(order[i], (in, ip, nextIp) -> new BitTest(in, ip, nextIp, operation));
        }
        all.add(Mnemonic.BSF, (in, ip, nextIp) -> new Scan(in, ip, nextIp, false));
        all.add(Mnemonic.BSR, (in, ip, nextIp) -> new Scan(in, ip, nextIp, true));
        all.add(Mnemonic.TZCNT, (in, ip, nextIp) -> new Count(in, ip, nextIp, false));
        all.add(Mnemonic.LZCNT, (in, ip, nextIp) -> new Count(in, ip, nextIp, true));
        all.add(Mnemonic.POPCNT, PopulationCount::new);
        all.add(Mnemonic.BSWAP, ByteSwap::new);
        all.add(Mnemonic.MOVBE, SwappedMove::new);
        all.add(Mnemonic.CRC32, Crc32::new);
    }

    /** BT and its kin. A bit offset in a register reaches beyond a memory operand. */
    private static final class BitTest extends RmModify {
        private final int operation;
        private final boolean immediate;
        private final int source;
        private final int constant;

        BitTest(Instruction in, long ip, long nextIp, int operation) {
            super(in, ip, nextIp, in.has(Instruction.PREFIX_LOCK));
            this.operation = operation;
            immediate = in.form.operands().get(1) == OperandKind.Ib;
            source = in.reg;
            constant = (int) in.immediate & 63 - s;
        }

        private int bit(Cpu c) {
            return immediate ? constant : (int) c.gpr[source] & 63 - s;
        }

        @Override
        long result(Cpu c, long value) {
            long mask = 1L << bit(c);
            Alu.setCarry(c, (value & mask) != 0);
            return switch (operation) {
                case TEST -> value;
                case SET -> value | mask;
                case RESET -> value & ~mask;
                default -> value ^ mask;
            };
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (!inMemory) {
                if (operation == TEST) {
                    result(c, c.gpr[register]);
                    return next;
                }
                return super.execute(c);
            }
            long offset = offset(c);
            if (!immediate) {
                long bits = c.gpr[source] << s >> s;
                offset = offset + (bits >> 6 - Integer.numberOfTrailingZeros(64 / (64 - s))) // whole operands
                        * Width.bytes(s) & offsetMask;
            }
            long linear = Segmentation.linear(c, segment, offset, Width.bytes(s), operation != TEST);
            if (operation == TEST) {
                result(c, Width.load(c, s, linear));
            } else {
                modify(c, linear);
            }
            return next;
        }
    }

    /** BSF and BSR. A source of zero leaves the register alone and sets ZF. */
    private static final class Scan extends RmOp {
        private final int target;
        private final boolean reverse;

        Scan(Instruction in, long ip, long nextIp, boolean reverse) {
            super(in, ip, nextIp, 1);
            target = in.reg;
            this.reverse = reverse;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = Width.zeroExtend(s, load(c));
            if (value != 0) {
                int found = reverse ? 63 - Long.numberOfLeadingZeros(value) : Long.numberOfTrailingZeros(value);
                Width.set(c.gpr, s, target, found);
            }
            c.flagZero = value;
            return next;
        }
    }

    /** TZCNT and LZCNT; where they are not announced they are BSF and BSR. */
    private static final class Count extends RmOp {
        private final Scan scan;
        private final int target;
        private final boolean leading;

        Count(Instruction in, long ip, long nextIp, boolean leading) {
            super(in, ip, nextIp, 1);
            scan = new Scan(in, ip, nextIp, leading);
            target = in.reg;
            this.leading = leading;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (!c.cpuid.has(leading ? CpuFeature.ABM : CpuFeature.BMI1)) {
                scan.execute(c);
                return next;
            }
            long value = Width.zeroExtend(s, load(c));
            int count = leading ? Long.numberOfLeadingZeros(value) - s
                    : Math.min(Long.numberOfTrailingZeros(value), 64 - s);
            Width.set(c.gpr, s, target, count);
            Alu.setCarry(c, value == 0);
            c.flagZero = count;
            return next;
        }
    }

    /** POPCNT. */
    private static final class PopulationCount extends RmOp {
        private final int target;

        PopulationCount(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
            target = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = Width.zeroExtend(s, load(c));
            Width.set(c.gpr, s, target, Long.bitCount(value));
            c.flagCarry = 0;
            c.flagSign = 1; // SF and PF clear
            c.flagZero = value;
            return next;
        }
    }

    /** BSWAP. With 16 bits the result is undefined; here it is zero, as on most processors. */
    private static final class ByteSwap extends Op {
        private final int target;
        private final int bytes;

        ByteSwap(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            target = in.opcodeRegister;
            bytes = in.operandSize;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = c.gpr[target];
            c.gpr[target] = switch (bytes) {
                case 8 -> Long.reverseBytes(value);
                case 4 -> Integer.reverseBytes((int) value) & 0xFFFF_FFFFL;
                default -> value & ~0xFFFFL;
            };
            return next;
        }
    }

    private static long swap(int s, long value) {
        return Long.reverseBytes(value) >>> s;
    }

    /** MOVBE. */
    private static final class SwappedMove extends RmOp {
        private final boolean toMemory;
        private final int other;

        SwappedMove(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, in.form.opcode() == 0xF1 ? 0 : 1);
            toMemory = in.form.opcode() == 0xF1;
            other = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (!c.cpuid.has(CpuFeature.MOVBE)) {
                throw c.raise(Vector.UD);
            }
            if (toMemory) {
                store(c, swap(s, c.gpr[other]));
            } else {
                Width.set(c.gpr, s, other, swap(s, load(c)));
            }
            return next;
        }
    }

    /** CRC32: the Castagnoli polynomial, bits reflected. */
    private static final class Crc32 extends RmOp {
        private static final int[] TABLE = new int[256];

        static {
            for (int i = 0; i < 256; i++) {
                int value = i;
                for (int bit = 0; bit < 8; bit++) {
                    value = value >>> 1 ^ ((value & 1) != 0 ? 0x82F6_3B78 : 0);
                }
                TABLE[i] = value;
            }
        }

        private final int target;

        Crc32(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
            target = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = load(c);
            int crc = (int) c.gpr[target];
            for (int i = Width.bytes(s); i > 0; i--) {
                crc = crc >>> 8 ^ TABLE[(crc ^ (int) value) & 0xFF];
                value >>>= 8;
            }
            c.gpr[target] = crc & 0xFFFF_FFFFL;
            return next;
        }
    }
}
