package dev.vz.emulator.translator;

import java.util.Random;

/**
 * A random guest program for 64-bit mode: a loop of random instructions with forward branches, calls, memory operands that
 * now and then cross pages or are not mapped, writes over its own code and changes of page tables. After each round it
 * writes to a port, which is where states are compared. R15 and R14 count rounds, RSI points to data, RSP to the stack; all else
 * is random.
 */
final class RandomProgram {

    /** Where the code lies. */
    static final long CODE = 0x20_0000;
    /** Where RSI points: the middle of the data. */
    static final long DATA = 0x40_8000;
    /** The page table that maps the data with pages of 4 KiB. */
    static final long PAGE_TABLE = 0x11_0000;
    /** Where the page fault handler lies. */
    static final long HANDLER = 0x13_0000;
    /** Rounds of the loop. */
    static final int ROUNDS = 2600;
    /** The port that is written once in so many rounds. */
    static final int PORT = 0x80;

    private static final int[] FREE = {0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13};

    private final Random random;
    private final CodeBytes code = new CodeBytes();
    private final boolean supervisor;

    RandomProgram(long seed, boolean supervisor) {
        random = new Random(seed);
        this.supervisor = supervisor;
    }

    /** The code; it ends with an endless loop of writes to the next port, which the caller stops. */
    byte[] generate() {
        code.add(0x49, 0xC7, 0xC7).number(ROUNDS, 4); // mov r15, ROUNDS
        int leaf = random.nextInt(3) == 0 ? leaf() : -1;
        int top = code.size();
        int length = 3 + random.nextInt(30);
        for (int i = 0; i < length; i++) {
            if (random.nextInt(8) == 0) {
                skip(1 + random.nextInt(3));
            } else if (random.nextInt(12) == 0) {
                inner();
            } else if (leaf >= 0 && random.nextInt(10) == 0) {
                code.add(0xE8).number(0, 4);
                code.patchRelative(code.size() - 4, leaf);
            } else {
                instruction();
            }
        }
        report();
        code.add(0x49, 0xFF, 0xCF); // dec r15
        code.add(0x0F, 0x85).number(0, 4);
        code.patchRelative(code.size() - 4, top);
        code.add(0xE6, 0x81); // out 0x81, al: the end
        code.add(0xEB, 0xFC); // jmp to it
        return code.toArray();
    }

    /** Writes to the port in every 64th round. The flags, which that destroys, go into RAX first. */
    private void report() {
        code.add(0x9F, 0x0F, 0x90, 0xC0); // lahf; seto al
        code.add(0x41, 0xF6, 0xC7, 0x3F); // test r15b, 63
        code.add(0x75, 0x02); // jnz over the next
        code.add(0xE6, PORT); // out
    }

    /** A subroutine, jumped over; returns where it is. */
    private int leaf() {
        code.add(0xE9).number(0, 4);
        int from = code.size();
        int length = 1 + random.nextInt(4);
        for (int i = 0; i < length; i++) {
            plain();
        }
        code.add(0xC3);
        code.patchRelative(from - 4, code.size());
        return from;
    }

    private void skip(int instructions) {
        code.add(0x0F, 0x80 | random.nextInt(16)).number(0, 4);
        int from = code.size();
        for (int i = 0; i < instructions; i++) {
            plain();
        }
        code.patchRelative(from - 4, code.size());
    }

    /** A loop in the loop. */
    private void inner() {
        code.add(0x41, 0xBE).number(1 + random.nextInt(4), 4); // mov r14d, rounds
        int top = code.size();
        int length = 1 + random.nextInt(3);
        for (int i = 0; i < length; i++) {
            plain();
        }
        code.add(0x41, 0xFF, 0xCE); // dec r14d
        code.add(0x0F, 0x85).number(0, 4);
        code.patchRelative(code.size() - 4, top);
    }

    /** A string instruction with pointers into the data and a small count. */
    private void string() {
        code.add(0x56); // push rsi
        code.add(0xBF).number(DATA + random.nextInt(0x2000), 4); // mov edi
        code.add(0xBE).number(DATA + random.nextInt(0x2000), 4); // mov esi
        code.add(0xB9).number(random.nextInt(20), 4); // mov ecx
        code.add(0xFC); // cld
        int[] opcodes = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};
        switch (random.nextInt(3)) {
            case 0 -> code.add(0xF3);
            case 1 -> code.add(0xF2);
            default -> {
                // once
            }
        }
        if (random.nextBoolean()) {
            code.add(0x48);
        }
        code.add(opcodes[random.nextInt(opcodes.length)]);
        code.add(0x5E); // pop rsi
    }

    /** A division that does not overflow. */
    private void divide() {
        code.add(0xB9).number(random.nextInt() & 0x7FFF_FFFF | 1, 4); // mov ecx
        if (random.nextBoolean()) {
            code.add(0x31, 0xD2, 0xF7, 0xF1); // xor edx, edx; div ecx
        } else {
            code.add(0x48, 0x99, 0x48, 0xF7, 0xF9); // cqo; idiv rcx
        }
    }

    /** A frame, and an access through it. */
    private void frame() {
        code.add(0x55, 0x48, 0x89, 0xE5); // push rbp; mov rbp, rsp
        code.add(0x48, 0x89, 0x45, 0xF0); // mov [rbp - 16], rax
        code.add(0x66, 0x50, 0x66, 0x59); // push ax; pop cx
        code.add(0x6A, random.nextInt(256)); // push imm8
        code.add(0xC9); // leave
    }

    /** A jump, or a call that drops its return address, to one of two places that the round chooses. */
    private void indirect() {
        boolean call = random.nextBoolean();
        code.add(0x44, 0x89, 0xF8, 0x83, 0xE0, 0x01); // mov eax, r15d; and eax, 1
        code.add(0x48, 0x8D, 0x0D).number(6, 4); // lea rcx, [rip + 6]
        code.add(0x48, 0x8D, 0x0C, 0x81); // lea rcx, [rcx + 4 * rax]
        code.add(0xFF, call ? 0xD1 : 0xE1); // call or jmp rcx
        code.add(0x48, 0x83, 0xC2, random.nextInt(128)); // add rdx, imm8
        if (call) {
            code.add(0x58); // pop rax
        }
    }

    /** Sixteen aligned bytes. */
    private void alignedMove() {
        code.add(0x0F, 0x28 | random.nextInt(2), 0x86 | random.nextInt(8) << 3).number(random.nextInt(0x200) * 16L, 4);
    }

    private void instruction() {
        int kind = random.nextInt(400);
        if (kind == 0 && supervisor) {
            unmap();
        } else if (kind == 1 && supervisor) {
            code.add(0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8); // mov rax, cr3; mov cr3, rax
        } else if (kind == 2) {
            modifyCode();
        } else if (kind < 12) {
            push();
        } else if (kind < 20) {
            string();
        } else if (kind < 28) {
            divide();
        } else if (kind < 34) {
            frame();
        } else if (kind < 44) {
            alignedMove();
        } else if (kind < 54) {
            indirect();
        } else if (kind < 60 && supervisor) {
            system();
        } else {
            plain();
        }
    }

    /** What kernels do around critical sections, and reads of the processor's state. */
    private void system() {
        switch (random.nextInt(5)) {
            case 0 -> code.add(0xFA); // cli
            case 1 -> code.add(0xFB); // sti
            case 2 -> {
                code.add(0x0F, 0x01, 0xF8); // swapgs
                plain();
                code.add(0x0F, 0x01, 0xF8);
            }
            case 3 -> code.add(0x0F, 0x20, 0xC2); // mov rdx, cr0
            default -> code.add(0xB8).number(1, 4).add(0x0F, 0xA2); // mov eax, 1; cpuid
        }
    }

    /** Clears the present bit of one of the data pages; the handler of page faults sets it again. */
    private void unmap() {
        int page = (int) (DATA >> 12 & 511) + random.nextInt(2);
        code.add(0x80, 0x24, 0x25).number(PAGE_TABLE + 8L * page, 4).add(0xFE); // and byte [pte], ~1
        code.add(0x0F, 0x01, 0x3C, 0x25).number(page * 0x1000L + 0x40_0000, 4); // invlpg
    }

    /** Rewrites the immediate of an instruction that comes next. */
    private void modifyCode() {
        int register = free();
        // mov byte [rip + to the immediate], r15b: the immediate of "mov eax, imm32" that follows
        code.add(0x44, 0x88, 0x3D).number(1, 4);
        code.add(0xB8).number(random.nextInt(), 4);
        code.add(register >= 8 ? 0x49 : 0x48, 0x01, 0xC0 | register & 7); // add register, rax
    }

    private void push() {
        int from = free();
        int to = free();
        code.add(0x40 | from >> 3, 0x50 | from & 7);
        plainWithoutStack();
        code.add(0x40 | to >> 3, 0x58 | to & 7);
    }

    private int free() {
        return FREE[random.nextInt(FREE.length)];
    }

    private void plain() {
        plainWithoutStack();
    }

    /** Opcode with ModRM: {@code reg}, and a register or memory. */
    private void modrm(int width, int[] opcode, int reg, boolean memoryOnly, boolean registerOnly, boolean byteRm) {
        int rm = free();
        boolean memory = memoryOnly || !registerOnly && random.nextInt(3) == 0;
        boolean index = memory && random.nextInt(3) == 0;
        int indexRegister = 1;
        if (index) {
            // A small index in RCX.
            code.add(0x81, 0xE1).number(random.nextInt(0x200), 4);
        }
        if (width == 16) {
            code.add(0x66);
        }
        int start = 0;
        while (opcode[start] == 0xF2 || opcode[start] == 0xF3 || opcode[start] == 0x66) {
            code.add(opcode[start++]);
        }
        int rex = (width == 64 ? 8 : 0) | (reg >> 3 & 1) << 2 | (memory ? 0 : rm >> 3);
        boolean plainByte = (width == 8 || byteRm) && random.nextBoolean() && rex == 0;
        if (rex != 0 || !plainByte) {
            code.add(0x40 | rex);
        }
        for (int i = start; i < opcode.length; i++) {
            code.add(opcode[i]);
        }
        if (!memory) {
            code.add(0xC0 | (reg & 7) << 3 | rm & 7);
            return;
        }
        int displacement = random.nextInt(20) == 0 ? 0xFF0 + random.nextInt(16) : random.nextInt(0x100) * 8;
        if (random.nextBoolean()) {
            displacement = -displacement;
        }
        if (index) {
            code.add(0x84 | (reg & 7) << 3, random.nextInt(4) << 6 | indexRegister << 3 | 6).number(displacement, 4);
        } else {
            code.add(0x86 | (reg & 7) << 3).number(displacement, 4);
        }
    }

    private int width() {
        return switch (random.nextInt(8)) {
            case 0 -> 8;
            case 1 -> 16;
            case 2, 3, 4 -> 32;
            default -> 64;
        };
    }

    private void plainWithoutStack() {
        int width = width();
        int wide = width == 8 ? 0 : 1;
        switch (random.nextInt(26)) {
            case 0, 1, 2, 3 -> modrm(width, new int[] {random.nextInt(8) << 3 | random.nextInt(2) << 1 | wide}, free(),
                    false, false, width == 8);
            case 4 -> {
                int reg = random.nextInt(8);
                modrm(width, new int[] {width == 8 ? 0x80 : 0x83}, reg, false, false, width == 8);
                code.add(random.nextInt(256));
            }
            case 5, 6 -> modrm(width, new int[] {0x88 | random.nextInt(2) << 1 | wide}, free(), false, false,
                    width == 8);
            case 7 -> modrm(width == 8 ? 32 : width,
                    new int[] {0x0F, (random.nextBoolean() ? 0xB6 : 0xBE) | random.nextInt(2)}, free(), false, false,
                    true);
            case 8 -> modrm(64, new int[] {random.nextBoolean() ? 0x63 : 0x8D}, free(), true, false, false);
            case 9 -> modrm(width, new int[] {0xFE | wide}, random.nextInt(2), false, false, width == 8);
            case 10 -> modrm(width, new int[] {0xF6 | wide}, 2 + random.nextInt(4), false, false, width == 8);
            case 11, 12 -> {
                modrm(width, new int[] {0xC0 | wide}, random.nextInt(8), false, false, width == 8);
                code.add(random.nextInt(5) == 0 ? random.nextInt(256) : random.nextInt(width));
            }
            case 13 -> modrm(width, new int[] {0xD2 | wide}, random.nextInt(8), false, false, width == 8);
            case 14 -> modrm(width == 8 ? 32 : width, new int[] {0x0F, 0xAF}, free(), false, false, false);
            case 15 -> modrm(width == 8 ? 64 : width, new int[] {0x0F, 0x40 | random.nextInt(16)}, free(), false, false,
                    false);
            case 16 -> modrm(8, new int[] {0x0F, 0x90 | random.nextInt(16)}, 0, false, false, true);
            case 17 -> {
                modrm(width == 8 ? 32 : width, new int[] {0x0F, 0xBA}, 4 + random.nextInt(4), false, false, false);
                code.add(random.nextInt(256));
            }
            case 18 -> modrm(width == 8 ? 64 : width, new int[] {0x0F, 0xBC | random.nextInt(2)}, free(), false, false,
                    false);
            case 19 -> code.add(0x48 | random.nextInt(2) * 8 & 8, 0x98 | random.nextInt(2));
            case 20 -> {
                int register = free();
                code.add((random.nextBoolean() ? 0x48 : 0x40) | register >> 3, 0x0F, 0xC8 | register & 7);
            }
            case 21 -> modrm(width, new int[] {random.nextBoolean() ? 0x86 | wide : 0x84 | wide}, free(), false, false,
                    width == 8);
            case 22 -> modrm(width, new int[] {0x0F, (random.nextBoolean() ? 0xB0 : 0xC0) | wide}, free(), false, false,
                    width == 8);
            case 23 -> code.add(new int[] {0xF5, 0xF8, 0xF9, 0x9F, 0x9E}[random.nextInt(5)]);
            case 24 -> vector();
            default -> {
                int register = free();
                code.add(register >= 8 ? 0x49 : 0x48, 0xB8 | register & 7).number(random.nextLong(), 8);
            }
        }
    }

    /** A vector instruction on registers with an immediate. */
    private void controlled() {
        int[][] shifts = {{0x71, 2}, {0x71, 4}, {0x71, 6}, {0x72, 2}, {0x72, 4}, {0x72, 6}, {0x73, 2}, {0x73, 3},
            {0x73, 6}, {0x73, 7}};
        int[] prefixes = {0x66, 0xF2, 0xF3};
        switch (random.nextInt(4)) {
            case 0, 1 -> {
                int[] shift = shifts[random.nextInt(shifts.length)];
                code.add(0x66, 0x0F, shift[0], 0xC0 | shift[1] << 3 | random.nextInt(8));
                code.add(random.nextInt(random.nextBoolean() ? 20 : 70));
            }
            case 2 -> code.add(prefixes[random.nextInt(3)], 0x0F, 0x70, 0xC0 | random.nextInt(64))
                    .add(random.nextInt(256));
            default -> {
                if (random.nextBoolean()) {
                    code.add(0x66);
                }
                code.add(0x0F, 0xC6, 0xC0 | random.nextInt(64), random.nextInt(256));
            }
        }
    }

    private void vector() {
        if (random.nextInt(3) == 0) {
            controlled();
            return;
        }
        int register = new int[] {0, 1, 2, 3, 5, 7}[random.nextInt(6)];
        int[][] opcodes = {{0xF3, 0x0F, 0x6F}, {0xF3, 0x0F, 0x7F}, {0xF2, 0x0F, 0x58}, {0xF2, 0x0F, 0x59},
            {0x66, 0x0F, 0x6E}, {0x66, 0x0F, 0x7E}, {0xF2, 0x0F, 0x2A}, {0xF2, 0x0F, 0x2C}, {0x66, 0x0F, 0x2E},
            {0xF3, 0x0F, 0x10}, {0xF2, 0x0F, 0x11}, {0xF3, 0x0F, 0x7E}, {0x66, 0x0F, 0xD6},
            {0xF2, 0x0F, 0x10}, {0xF2, 0x0F, 0x5C}, {0xF2, 0x0F, 0x5E}, {0xF2, 0x0F, 0x51}, {0xF2, 0x0F, 0x5A},
            {0x66, 0x0F, 0x2F}, {0xF3, 0x0F, 0x2A}, {0xF3, 0x0F, 0x58}};
        int[][] registersOnly = {{0x0F, 0x58}, {0x66, 0x0F, 0xEF}, {0x66, 0x0F, 0xD4}, {0x66, 0x0F, 0xFE},
            {0x66, 0x0F, 0x60}, {0x66, 0x0F, 0x59}, {0x0F, 0x14}, {0x0F, 0x15}, {0x66, 0x0F, 0x6D}, {0x0F, 0x16},
            {0x0F, 0x12}, {0x0F, 0x28}, {0x66, 0x0F, 0x75}, {0x66, 0x0F, 0xF4}, {0x66, 0x0F, 0xD7}, {0x66, 0x0F, 0xDF},
            {0x66, 0x0F, 0xD8}, {0x66, 0x0F, 0x67}, {0x66, 0x0F, 0x63}, {0x66, 0x0F, 0x6B}, {0x66, 0x0F, 0x61},
            {0x66, 0x0F, 0x62}, {0x66, 0x0F, 0x68}, {0x66, 0x0F, 0x69}, {0x66, 0x0F, 0x6A}, {0x66, 0x0F, 0x6C},
            {0x66, 0x0F, 0x14}, {0x66, 0x0F, 0x15}, {0x0F, 0x50}, {0x66, 0x0F, 0x50}, {0x66, 0x0F, 0xD1},
            {0x66, 0x0F, 0xE2}, {0x66, 0x0F, 0xF3}, {0xF3, 0x0F, 0xE6}, {0x66, 0x0F, 0xE6}, {0x66, 0x0F, 0x5B}};
        boolean whole = random.nextBoolean();
        int[][] from = whole ? registersOnly : opcodes;
        modrm(random.nextBoolean() ? 64 : 32, from[random.nextInt(from.length)], register, false, whole, false);
    }
}
