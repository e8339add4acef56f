package dev.vz.emulator.cpu;

import dev.vz.emulator.decode.Decoder;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.memory.HostMemory;
import dev.vz.emulator.memory.PhysicalMemory;
import java.util.Arrays;

/** Decodes blocks. A block ends at a branch, at the end of its page, or when it is long enough. */
final class BlockBuilder {

    private static final int MOST_INSTRUCTIONS = 64;
    private static final int WINDOW = 256;

    private final Cpu c;
    private final OpSource source;
    private final Decoder decoder = new Decoder();
    private final Instruction instruction = new Instruction();
    private final byte[] window = new byte[WINDOW];

    BlockBuilder(Cpu c, OpSource source) {
        this.c = c;
        this.source = source;
    }

    /**
     * Decodes the block at {@code linear}.
     *
     * @param ip its instruction pointer
     * @param host where its bytes are up to the end of the page
     * @param physical its guest-physical address
     */
    Block build(long linear, long ip, long host, long physical, long mode) {
        int inPage = Math.min(PhysicalMemory.PAGE - (int) (physical & PhysicalMemory.PAGE - 1), WINDOW);
        HostMemory.read(host, window, 0, inPage);
        long available = withinLimit(ip, inPage);
        Op first = null;
        Op last = null;
        int at = 0;
        int count = 0;
        long end = ip;
        while (count < (c.stepping ? 1 : MOST_INSTRUCTIONS) && at < available) {
            int length = decoder.decode(window, at, (int) available, c.codeSize, instruction);
            if (length == Decoder.INCOMPLETE) {
                break;
            }
            if (length < 0) {
                if (first == null) {
                    return single(length == Decoder.INVALID ? source.raise(Vector.UD, ip) : source.raise(Vector.GP, ip),
                            ip, physical, -1, mode, Math.max(1, Math.min(instruction.length, 15)));
                }
                break;
            }
            long here = end;
            end = truncate(here + length);
            Op op = source.build(instruction, here, end);
            if (last == null) {
                first = op;
            } else {
                last.next = op;
            }
            last = op;
            at += length;
            count++;
            if (op.endsBlock()) {
                break;
            }
        }
        if (first == null || last == null) {
            return crossing(linear, ip, physical, mode, inPage);
        }
        if (!last.endsBlock()) {
            last.next = source.proceed(end);
        }
        return new Block(ip, first, count, physical, -1, mode, Arrays.copyOf(window, at));
    }

    private long truncate(long ip) {
        return c.codeSize == 64 ? ip : ip & 0xFFFF_FFFFL;
    }

    /** How many of {@code bytes} bytes at {@code ip} are inside the code segment. */
    private long withinLimit(long ip, int bytes) {
        if (c.codeSize == 64) {
            return bytes;
        }
        long limit = c.segmentLimit[Segments.CS] & 0xFFFF_FFFFL;
        return Math.clamp(limit - ip + 1, 0, bytes);
    }

    private Block single(Op op, long ip, long physical, long secondPage, long mode, int length) {
        if (!op.endsBlock()) {
            op.next = source.proceed(op.nextIp);
        }
        return new Block(ip, op, 1, physical, secondPage, mode, Arrays.copyOf(window, length));
    }

    /** The first instruction does not end in this page, or in this segment. */
    private Block crossing(long linear, long ip, long physical, long mode, int inPage) {
        if (withinLimit(ip, inPage) < inPage) {
            return single(source.raise(Vector.GP, ip), ip, physical, -1, mode, 1);
        }
        long next = linear + inPage;
        if (c.codeSize != 64) {
            next &= 0xFFFF_FFFFL;
        }
        long secondHost = c.mmu.fetch(next, c.cpl == 3);
        long second = c.mmu.fetchAddress;
        if (secondHost == 0) {
            return outsideMemory(linear, ip);
        }
        HostMemory.read(secondHost, window, inPage, Decoder.MAXIMUM_LENGTH);
        int available = (int) withinLimit(ip, inPage + Decoder.MAXIMUM_LENGTH);
        int length = decoder.decode(window, 0, available, c.codeSize, instruction);
        if (length < 0) {
            // Also when it runs over the limit of its segment.
            int vector = length == Decoder.INVALID ? Vector.UD : Vector.GP;
            return single(source.raise(vector, ip), ip, physical, second, mode, inPage + 1);
        }
        return single(source.build(instruction, ip, truncate(ip + length)), ip, physical, second, mode, length);
    }

    /** An instruction that does not lie in memory: it is fetched from a device, each time anew. */
    Block outsideMemory(long linear, long ip) {
        boolean user = c.cpl == 3;
        int available = (int) withinLimit(ip, Decoder.MAXIMUM_LENGTH);
        int length = Decoder.INCOMPLETE;
        int read = 0;
        while (length == Decoder.INCOMPLETE && read < available) {
            long at = linear + read;
            if (c.codeSize != 64) {
                at &= 0xFFFF_FFFFL;
            }
            long host = c.mmu.fetch(at, user);
            window[read++] = (byte) (host != 0 ? HostMemory.readByte(host)
                    : c.outside.mmioRead(c.mmu.fetchAddress, 1));
            length = decoder.decode(window, 0, read, c.codeSize, instruction);
        }
        Op op = length > 0 ? source.build(instruction, ip, truncate(ip + length))
                : source.raise(length == Decoder.INVALID ? Vector.UD : Vector.GP, ip);
        return single(op, ip, 0, -1, 0, Math.max(read, 1));
    }
}
