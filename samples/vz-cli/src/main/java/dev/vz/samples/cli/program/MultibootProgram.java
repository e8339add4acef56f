package dev.vz.samples.cli.program;

import dev.vz.bus.AddressRange;
import dev.vz.error.FormatException;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.memory.X86MemoryLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A program in a 32-bit ELF file with a Multiboot header (Multiboot Specification 0.6.96), made into one piece of code: a
 * few instructions that load EAX and EBX and jump, the boot information, and the segments at their distances.
 */
final class MultibootProgram {

    private static final int HEADER_MAGIC = 0x1BAD_B002;
    private static final int LOADER_MAGIC = 0x2BAD_B002;
    /** The header is within the first 8192 bytes (section 3.1). */
    private static final int HEADER_REACH = 8192;
    private static final int ELF_HEADER = 52;
    private static final int PROGRAM_HEADER = 32;
    private static final int PT_LOAD = 1;
    private static final int EM_386 = 3;
    /** What lies in front of the first segment. */
    private static final int FRONT = 0x1_0000;
    private static final int INFORMATION = 0x100;
    private static final int MAP = 0x200;
    private static final int MAP_ENTRY = 24;
    private static final int COMMAND_LINE = 0x1000;
    private static final int COMMAND_LINE_ROOM = FRONT - COMMAND_LINE;
    /** Larger than any test program; smaller than what a damaged header can ask for. */
    private static final long MOST = 64L << 20;
    private static final long MIB = 1L << 20;

    private final String name;
    private final ByteBuffer file;

    private MultibootProgram(String name, byte[] bytes) {
        this.name = name;
        this.file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * What boots {@code bytes}.
     *
     * @param name        for messages
     * @param commandLine what the program gets as its arguments, its own name first
     * @param memory      bytes of the machine's memory
     * @throws FormatException if it is no such program
     */
    static CodeBoot boot(String name, byte[] bytes, String commandLine, long memory) {
        return new MultibootProgram(name, bytes).boot(commandLine, memory);
    }

    private CodeBoot boot(String commandLine, long memory) {
        if (file.limit() < ELF_HEADER || file.getInt(0) != 0x464C_457F || file.get(4) != 1
                || file.getShort(18) != EM_386) {
            throw bad("it is no 32-bit x86 ELF file");
        }
        if (!hasHeader()) {
            throw bad("there is no Multiboot header in its first " + HEADER_REACH + " bytes");
        }
        byte[] text = commandLine.getBytes(StandardCharsets.ISO_8859_1);
        if (text.length >= COMMAND_LINE_ROOM) {
            throw bad("its command line of " + text.length + " bytes is longer than " + (COMMAND_LINE_ROOM - 1));
        }
        long first = Long.MAX_VALUE;
        long end = 0;
        int table = file.getInt(28);
        int count = file.getShort(44) & 0xFFFF;
        if (table < 0 || file.getShort(42) != PROGRAM_HEADER
                || table + (long) count * PROGRAM_HEADER > file.limit()) {
            throw bad("its program headers lie outside the file");
        }
        for (int i = 0; i < count; i++) {
            int header = table + i * PROGRAM_HEADER;
            if (file.getInt(header) == PT_LOAD && file.getInt(header + 16) != 0) {
                long start = address(header);
                long size = file.getInt(header + 16) & 0xFFFF_FFFFL;
                if ((file.getInt(header + 4) & 0xFFFF_FFFFL) + size > file.limit()) {
                    throw bad("segment " + i + " lies outside the file");
                }
                first = Math.min(first, start);
                end = Math.max(end, start + size);
            }
        }
        if (first == Long.MAX_VALUE || end - first > MOST) {
            throw bad("its segments must lie within " + MOST + " bytes; they go from " + first + " to " + end);
        }
        // What belongs below 1 MiB is loaded above, behind what copies it down.
        boolean low = first < MIB + FRONT;
        if (low && end > MIB) {
            throw bad("its segments lie across 1 MiB, where the loader is");
        }
        long base = low ? MIB : first - FRONT;
        var code = ByteBuffer.allocate((int) (end - first) + FRONT).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            int header = table + i * PROGRAM_HEADER;
            if (file.getInt(header) == PT_LOAD && file.getInt(header + 16) != 0) {
                code.put((int) (address(header) - first) + FRONT, file, file.getInt(header + 4),
                        file.getInt(header + 16));
            }
        }
        begin(code, base, first);
        information(code, base, text, memory);
        return new CodeBoot(BootFile.of(name, code.array()), base, CodeBoot.Mode.PROTECTED);
    }

    private long address(int header) {
        return file.getInt(header + 12) & 0xFFFF_FFFFL;
    }

    private boolean hasHeader() {
        for (int at = 0; at + 12 <= Math.min(file.limit(), HEADER_REACH); at += 4) {
            if (file.getInt(at) == HEADER_MAGIC
                    && file.getInt(at) + file.getInt(at + 4) + file.getInt(at + 8) == 0) {
                return true;
            }
        }
        return false;
    }

    /** How firmware leaves the interrupt controllers: vectors from 8 and 0x70; inputs 2 and 11 let through. */
    private static final int[][] INTERRUPT_CONTROLLERS = {{0x20, 0x11}, {0xA0, 0x11}, {0x21, 0x08}, {0xA1, 0x70},
        {0x21, 0x04}, {0xA1, 0x02}, {0x21, 0x01}, {0xA1, 0x01}, {0x21, 0xFB}, {0xA1, 0xF7}};

    /**
     * {@code mov al, value; out port, al} for the interrupt controllers;
     * {@code mov esi, image; mov edi, first; mov ecx, length; rep movsb} if the image is not in place, and then
     * {@code mov eax, magic; mov ebx, information; jmp entry}.
     */
    private void begin(ByteBuffer code, long base, long first) {
        for (int[] write : INTERRUPT_CONTROLLERS) {
            code.put((byte) 0xB0).put((byte) write[1]).put((byte) 0xE6).put((byte) write[0]);
        }
        if (base + FRONT != first) {
            code.put((byte) 0xBE).putInt((int) base + FRONT);
            code.put((byte) 0xBF).putInt((int) first);
            code.put((byte) 0xB9).putInt(code.limit() - FRONT);
            code.put((byte) 0xF3).put((byte) 0xA4);
        }
        code.put((byte) 0xB8).putInt(LOADER_MAGIC);
        code.put((byte) 0xBB).putInt((int) base + INFORMATION);
        code.put((byte) 0xE9).putInt(file.getInt(24) - ((int) base + code.position() + 4));
    }

    /** Section 3.3: memory sizes, command line, memory map. */
    private static void information(ByteBuffer code, long base, byte[] commandLine, long memory) {
        List<AddressRange> ranges = X86MemoryLayout.ranges(memory);
        code.putInt(INFORMATION, 1 | 1 << 2 | 1 << 6);
        code.putInt(INFORMATION + 4, 640);
        code.putInt(INFORMATION + 8, (int) (ranges.getFirst().length() - MIB >>> 10));
        code.putInt(INFORMATION + 16, (int) base + COMMAND_LINE);
        code.put(COMMAND_LINE, Arrays.copyOf(commandLine, commandLine.length + 1));
        code.putInt(INFORMATION + 44, (1 + ranges.size()) * MAP_ENTRY);
        code.putInt(INFORMATION + 48, (int) base + MAP);
        entry(code, 0, 0, 640 << 10);
        for (int i = 0; i < ranges.size(); i++) {
            long start = Math.max(MIB, ranges.get(i).start());
            entry(code, 1 + i, start, ranges.get(i).last() + 1 - start);
        }
    }

    private static void entry(ByteBuffer code, int index, long start, long length) {
        int at = MAP + index * MAP_ENTRY;
        code.putInt(at, MAP_ENTRY - 4).putLong(at + 4, start).putLong(at + 12, length).putInt(at + 20, 1);
    }

    private FormatException bad(String what) {
        return new FormatException("Cannot run " + name + " as a Multiboot program: " + what);
    }
}
