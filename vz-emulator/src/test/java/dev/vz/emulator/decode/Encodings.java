package dev.vz.emulator.decode;

import java.util.Random;

/** Random encodings of an instruction form. */
final class Encodings {

    private Encodings() {}

    /** Fifteen bytes that begin with an encoding of {@code form}, with prefixes that may occur before it. */
    static byte[] random(InstructionForm form, int codeSize, Random random) {
        var bytes = new byte[64];
        random.nextBytes(bytes);
        int at = 0;
        if (random.nextInt(4) == 0) {
            int[] segments = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};
            bytes[at++] = (byte) segments[codeSize == 64 ? 4 + random.nextInt(2) : random.nextInt(6)];
        }
        if (random.nextInt(8) == 0) {
            bytes[at++] = 0x67;
        }
        switch (form.prefix()) {
            case ANY -> {
                if (random.nextInt(4) == 0) {
                    bytes[at++] = 0x66;
                }
                if (form.has(InstructionForm.Attribute.REP) && random.nextInt(2) == 0) {
                    bytes[at++] = (byte) (0xF2 + random.nextInt(2));
                }
            }
            case NONE -> {}
            case OPERAND_SIZE -> bytes[at++] = 0x66;
            case REPEAT -> bytes[at++] = (byte) 0xF3;
            case REPEAT_NOT -> bytes[at++] = (byte) 0xF2;
        }
        if (codeSize == 64 && random.nextInt(2) == 0) {
            bytes[at++] = (byte) (0x40 + random.nextInt(16));
        }
        int map = OpcodeTable.instance().mapOf(form);
        if (map > 0) {
            bytes[at++] = 0x0F;
        }
        if (map > 1) {
            bytes[at++] = (byte) (map == 2 ? 0x38 : 0x3A);
        }
        bytes[at++] = (byte) form.opcode();
        if (form.hasModrm()) {
            int modrm = bytes[at] & 0xFF;
            if (form.exact() >= 0) {
                modrm = form.exact();
            } else {
                modrm = switch (form.mod()) {
                    case ANY -> modrm;
                    case MEMORY -> random.nextInt(3) << 6 | modrm & 0x3F;
                    case REGISTER -> modrm | 0xC0;
                };
                if (form.digit() >= 0) {
                    modrm = modrm & 0xC7 | form.digit() << 3;
                }
            }
            bytes[at] = (byte) modrm;
        }
        return java.util.Arrays.copyOf(bytes, 15);
    }
}
