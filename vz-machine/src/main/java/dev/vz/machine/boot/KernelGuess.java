package dev.vz.machine.boot;

import java.nio.charset.StandardCharsets;

/** Says what a file is that is no kernel, so that the person who named it sees the mistake. */
final class KernelGuess {

    private KernelGuess() {}

    static String describe(byte[] b) {
        if (b.length == 0) {
            return "the file is empty";
        }
        if (starts(b, 0, 0x1F, 0x8B)) {
            return "it is compressed with gzip: unpack it first, or is it an initial RAM disk?";
        }
        if (starts(b, 0, 0xFD, '7', 'z', 'X', 'Z') || starts(b, 0, 0x28, 0xB5, 0x2F, 0xFD)
                || starts(b, 0, 0x02, 0x21, 0x4C, 0x18)) {
            return "it is a compressed file: unpack it first, or is it an initial RAM disk?";
        }
        if (startsWith(b, 0, "070701") || startsWith(b, 0, "070702")) {
            return "it is a cpio archive: is it an initial RAM disk?";
        }
        if (startsWith(b, 0x38, "ARMd") || startsWith(b, 0x38, "RSC\u0005")) {
            return "it is a kernel for another processor (arm64 or riscv); an x86-64 one is needed";
        }
        if (startsWith(b, 0, "MZ")) {
            return "it is a PE/EFI program: starting those needs firmware";
        }
        if (startsWith(b, 0, "#!") || isText(b)) {
            return "it is a text file";
        }
        if (b.length < 0x300) {
            return "with " + b.length + " bytes it is too short to be one";
        }
        var hex = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            hex.append(i == 0 ? "" : " ").append(String.format("%02x", b[i]));
        }
        return "it begins with " + hex;
    }

    private static boolean starts(byte[] b, int offset, int... values) {
        if (b.length < offset + values.length) {
            return false;
        }
        for (int i = 0; i < values.length; i++) {
            if ((b[offset + i] & 0xFF) != values[i]) {
                return false;
            }
        }
        return true;
    }

    private static boolean startsWith(byte[] b, int offset, String text) {
        return starts(b, offset, text.chars().toArray());
    }

    private static boolean isText(byte[] b) {
        String start = new String(b, 0, Math.min(b.length, 64), StandardCharsets.ISO_8859_1);
        return start.chars().allMatch(c -> c >= 0x20 && c < 0x7F || c == '\n' || c == '\t' || c == '\r');
    }
}
