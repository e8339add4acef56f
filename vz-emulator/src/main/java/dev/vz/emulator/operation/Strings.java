package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.memory.HostMemory;

/** MOVS, STOS, LODS, CMPS and SCAS, with runs over whole pages where nothing can happen in between. XLAT. */
final class Strings {

    private Strings() {}

    static void register(Operations all) {
        all.add(Mnemonic.MOVS, Move::new);
        all.add(Mnemonic.STOS, Store::new);
        all.add(Mnemonic.LODS, Load::new);
        all.add(Mnemonic.CMPS, Compare::new);
        all.add(Mnemonic.SCAS, Scan::new);
        all.add(Mnemonic.XLAT, Translate::new);
    }

    /** MOVS. */
    private static final class Move extends StringOp {
        Move(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        long run(Cpu c, long most) {
            int stride = stride(c);
            long from = source(c);
            if (most > 1 && stride > 0 && isFlat(c, segment, false) && isFlat(c, Segments.ES, true)) {
                long to = target(c, true);
                long n = Math.min(inPage(from, sourceOffset(c), most), inPage(to, targetOffset(c), most));
                long hostFrom = c.readHost(from, 1);
                long hostTo = c.writeHost(to, 1);
                if (n > 1 && hostFrom != 0 && hostTo != 0) {
                    copy(hostFrom, hostTo, n);
                    moveSource(c, n * size);
                    moveTarget(c, n * size);
                    return n;
                }
            }
            long value = c.read(from, size);
            c.write(target(c, true), size, value);
            moveSource(c, stride);
            moveTarget(c, stride);
            return 1;
        }

        private void copy(long from, long to, long n) {
            long bytes = n * size;
            if (to > from && to - from < bytes) {
                // The target begins inside the source: each element is read after the ones before it were written.
                for (long i = 0; i < bytes; i += size) {
                    Width.storeHost(s, to + i, Width.loadHost(s, from + i));
                }
            } else if (bytes < 64) {
                for (long i = 0; i < bytes; i += size) {
                    Width.storeHost(s, to + i, Width.loadHost(s, from + i));
                }
            } else {
                HostMemory.copy(from, to, bytes);
            }
        }
    }

    /** STOS. */
    private static final class Store extends StringOp {
        Store(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        long run(Cpu c, long most) {
            int stride = stride(c);
            long to = target(c, true);
            long value = c.gpr[0];
            if (most > 1 && stride > 0 && isFlat(c, Segments.ES, true)) {
                long n = inPage(to, targetOffset(c), most);
                long host = c.writeHost(to, 1);
                if (n > 1 && host != 0) {
                    fill(host, n, value);
                    moveTarget(c, n * size);
                    return n;
                }
            }
            c.write(to, size, value);
            moveTarget(c, stride);
            return 1;
        }

        private void fill(long host, long n, long value) {
            long bytes = n * size;
            long repeated = (value & 0xFF) * 0x0101_0101_0101_0101L;
            if (bytes >= 64 && (value ^ repeated) << s == 0) {
                HostMemory.fill(host, bytes, (int) value);
                return;
            }
            for (long i = 0; i < bytes; i += size) {
                Width.storeHost(s, host + i, value);
            }
        }
    }

    /** LODS. */
    private static final class Load extends StringOp {
        Load(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
        }

        @Override
        long run(Cpu c, long most) {
            long value = c.read(source(c), size);
            Width.set(c.gpr, s, 0, value);
            moveSource(c, stride(c));
            return 1;
        }
    }

    /** CMPS. */
    private static final class Compare extends StringOp {
        Compare(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        long run(Cpu c, long most) {
            int stride = stride(c);
            long from = source(c);
            if (most > 1 && stride > 0 && isFlat(c, segment, false) && isFlat(c, Segments.ES, false)) {
                long to = target(c, false);
                long n = Math.min(inPage(from, sourceOffset(c), most), inPage(to, targetOffset(c), most));
                long hostFrom = c.readHost(from, 1);
                long hostTo = c.readHost(to, 1);
                if (n > 1 && hostFrom != 0 && hostTo != 0) {
                    return compare(c, hostFrom, hostTo, n);
                }
            }
            long a = c.read(from, size);
            long b = c.read(target(c, false), size);
            Alu.sub(c, s, a, b);
            moveSource(c, stride);
            moveTarget(c, stride);
            return c.flagZero == 0 == (repeat == WHILE_EQUAL) ? 1 : -1;
        }

        private long compare(Cpu c, long from, long to, long n) {
            long i = 0;
            long a;
            long b;
            do {
                a = Width.loadHost(s, from + i * size);
                b = Width.loadHost(s, to + i * size);
                i++;
            } while (i < n && ((a ^ b) << s == 0) == (repeat == WHILE_EQUAL));
            Alu.sub(c, s, a, b);
            moveSource(c, i * size);
            moveTarget(c, i * size);
            return c.flagZero == 0 == (repeat == WHILE_EQUAL) ? i : -i;
        }
    }

    /** SCAS. */
    private static final class Scan extends StringOp {
        Scan(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
        }

        @Override
        long run(Cpu c, long most) {
            int stride = stride(c);
            long to = target(c, false);
            if (most > 1 && stride > 0 && isFlat(c, Segments.ES, false)) {
                long n = inPage(to, targetOffset(c), most);
                long host = c.readHost(to, 1);
                if (n > 1 && host != 0) {
                    return scan(c, host, n);
                }
            }
            Alu.sub(c, s, c.gpr[0], c.read(to, size));
            moveTarget(c, stride);
            return c.flagZero == 0 == (repeat == WHILE_EQUAL) ? 1 : -1;
        }

        private long scan(Cpu c, long host, long n) {
            long a = c.gpr[0];
            long i = 0;
            long b;
            do {
                b = Width.loadHost(s, host + i * size);
                i++;
            } while (i < n && ((a ^ b) << s == 0) == (repeat == WHILE_EQUAL));
            Alu.sub(c, s, a, b);
            moveTarget(c, i * size);
            return c.flagZero == 0 == (repeat == WHILE_EQUAL) ? i : -i;
        }
    }

    /** XLAT. */
    private static final class Translate extends StringOp {
        Translate(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
        }

        @Override
        long run(Cpu c, long most) {
            long offset = c.gpr[3] + (c.gpr[0] & 0xFF) & mask;
            Width.set(c.gpr, Width.BYTE, 0, c.readByte(Segmentation.linear(c, segment, offset, 1, false)));
            return most;
        }
    }
}
