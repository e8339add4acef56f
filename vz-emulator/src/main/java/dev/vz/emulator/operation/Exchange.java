package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.memory.HostMemory;
import org.jspecify.annotations.Nullable;

/** XCHG, XADD, CMPXCHG, CMPXCHG8B and CMPXCHG16B. */
final class Exchange {

    private Exchange() {}

    static void register(Operations all) {
        all.add(Mnemonic.XCHG, (in, ip, nextIp) -> {
            boolean accumulator = in.form.operands().get(1).name().equals("rAX");
            if (accumulator && in.opcodeRegister == 0) {
                return new Flow.Nothing(ip, nextIp);
            }
            return in.memory ? new Swap(in, ip, nextIp) : new SwapRegisters(in, ip, nextIp);
        });
        all.add(Mnemonic.XADD, Add::new);
        all.add(Mnemonic.CMPXCHG, Compare::new);
        all.add(Mnemonic.CMPXCHG8B, (in, ip, nextIp) -> in.rexW() ? new Compare16(in, ip, nextIp)
                : new Compare8(in, ip, nextIp));
    }

    /** XCHG of registers. */
    private static final class SwapRegisters extends Op {
        private final int s;
        private final int first;
        private final int second;

        SwapRegisters(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            s = Operands.width(in, 0);
            first = Operands.register(in, 0);
            second = Operands.register(in, 1);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long a = Width.get(r, s, first);
            Width.set(r, s, first, Width.get(r, s, second));
            Width.set(r, s, second, a);
            return next;
        }
    }

    /** XCHG with memory, which always is locked. */
    private static final class Swap extends RmModify {
        private final int source;

        Swap(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, true);
            source = Operands.register(in, 1);
        }

        @Override
        long result(Cpu c, long value) {
            return Width.get(c.gpr, s, source);
        }

        @Override
        void finish(Cpu c, long old) {
            Width.set(c.gpr, s, source, old);
        }
    }

    /** XADD. */
    private static final class Add extends RmModify {
        private final int source;

        Add(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, in.has(Instruction.PREFIX_LOCK));
            source = Operands.register(in, 1);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (inMemory) {
                return super.execute(c);
            }
            // With the same register twice the sum wins.
            long[] r = c.gpr;
            long a = Width.get(r, s, register);
            long sum = Alu.add(c, s, a, Width.get(r, s, source));
            Width.set(r, s, source, a);
            Width.set(r, s, register, sum);
            return next;
        }

        @Override
        long result(Cpu c, long value) {
            return Alu.add(c, s, value, Width.get(c.gpr, s, source));
        }

        @Override
        void finish(Cpu c, long old) {
            Width.set(c.gpr, s, source, old);
        }
    }

    /** CMPXCHG. The destination is written even if the comparison fails. */
    private static final class Compare extends RmModify {
        private final int source;

        Compare(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, in.has(Instruction.PREFIX_LOCK));
            source = Operands.register(in, 1);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (inMemory) {
                return super.execute(c);
            }
            // A register that is not replaced keeps even its upper half.
            long[] r = c.gpr;
            long old = Width.get(r, s, register);
            if (Alu.sub(c, s, r[0], old) == 0) {
                Width.set(r, s, register, Width.get(r, s, source));
            } else {
                Width.set(r, s, 0, old);
            }
            return next;
        }

        @Override
        long result(Cpu c, long value) {
            long difference = Alu.sub(c, s, c.gpr[0], value);
            return difference == 0 ? Width.get(c.gpr, s, source) : value;
        }

        @Override
        void finish(Cpu c, long old) {
            if (c.flagZero != 0) {
                Width.set(c.gpr, s, 0, old);
            }
        }
    }

    /** CMPXCHG8B. */
    private static final class Compare8 extends MemoryOp {
        private final boolean locked;

        Compare8(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
            locked = in.has(Instruction.PREFIX_LOCK);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long linear = address(c, 8, true);
            long[] r = c.gpr;
            long expected = r[2] << 32 | r[0] & 0xFFFF_FFFFL;
            long value = r[1] << 32 | r[3] & 0xFFFF_FFFFL;
            boolean bus = locked && !c.alone;
            long old;
            long host = bus ? c.mmu.lockedHost(linear, 8, c.cpl == 3) : 0;
            if (host != 0 && (host & 7) == 0) {
                do {
                    old = HostMemory.readLong(host);
                } while (!HostMemory.compareAndSetLong(host, old, old == expected ? value : old));
                c.mmu.wrote(8);
            } else {
                if (bus) {
                    c.outside.lockBus();
                }
                try {
                    old = c.readForWrite(linear, 8);
                    c.writeLong(linear, old == expected ? value : old);
                } finally {
                    if (bus) {
                        c.outside.unlockBus();
                    }
                }
            }
            setZero(c, old == expected);
            if (old != expected) {
                r[0] = old & 0xFFFF_FFFFL;
                r[2] = old >>> 32;
            }
            return next;
        }
    }

    /** ZF alone. */
    private static void setZero(Cpu c, boolean zero) {
        c.flagZero = zero ? 0 : 1;
    }

    /** CMPXCHG16B. Java has no 16-byte compare-and-set, so that several processors take the bus lock. */
    private static final class Compare16 extends MemoryOp {

        Compare16(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long linear = address(c, 16, true);
            if ((linear & 15) != 0) {
                throw c.raise(Vector.GP);
            }
            boolean bus = !c.alone;
            if (bus) {
                c.outside.lockBus();
            }
            try {
                compare(c, linear);
            } finally {
                if (bus) {
                    c.outside.unlockBus();
                }
            }
            return next;
        }

        private static void compare(Cpu c, long linear) {
            long[] r = c.gpr;
            c.checkWrite(linear, 16);
            long low = c.readForWrite(linear, 8);
            long high = c.readForWrite(linear + 8, 8);
            boolean equal = low == r[0] && high == r[2];
            if (equal) {
                c.writeLong(linear, r[3]);
                c.writeLong(linear + 8, r[1]);
            } else {
                r[0] = low;
                r[2] = high;
            }
            setZero(c, equal);
        }
    }
}
