package dev.vz.emulator.decode;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** GNU objdump as a second opinion on instruction lengths and operands. */
final class Objdump {

    /** Every instruction lies at the start of a slot of this many bytes, filled up with one-byte NOPs. */
    static final int SLOT = 32;

    /** What objdump makes of one slot. */
    record Line(int length, String text) {}

    private static final Pattern LINE = Pattern.compile("^\\s*([0-9a-f]+):\\t(.*)$");
    private static final Pattern IGNORED_PREFIX = Pattern.compile(
            "^((data(16|32)|addr(16|32)|rex(\\.[WRXB]+)?|[cdefgs]s|bnd|notrack|xacquire|xrelease|repz|repnz|rep|lock) )+");

    private Objdump() {}

    /** Disassembles the slots. */
    static List<Line> disassemble(byte[] slots, int codeSize) throws IOException, InterruptedException {
        Path file = Files.createTempFile("vz-objdump", ".bin");
        Path output = Files.createTempFile("vz-objdump", ".txt");
        try {
            Files.write(file, slots);
            String machine = codeSize == 64 ? "i386:x86-64" : codeSize == 32 ? "i386" : "i8086";
            Process process = new ProcessBuilder("objdump", "-D", "-b", "binary", "-m", machine, "-M",
                    codeSize == 64 ? "intel,intel64" : "intel", "--no-show-raw-insn", "-z", file.toString())
                    .redirectOutput(output.toFile()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            if (process.waitFor() != 0) {
                throw new IOException("objdump ended with " + process.exitValue());
            }
            return parse(Files.readAllLines(output, StandardCharsets.ISO_8859_1), slots.length / SLOT);
        } finally {
            Files.delete(file);
            Files.delete(output);
        }
    }

    private static List<Line> parse(List<String> lines, int count) {
        var result = new ArrayList<Line>();
        int start = -1;
        String text = "";
        for (String line : lines) {
            Matcher matcher = LINE.matcher(line);
            if (!matcher.matches()) {
                continue;
            }
            int address = Integer.parseInt(matcher.group(1), 16);
            while (start >= 0 && result.size() <= start / SLOT && address > start) {
                result.add(new Line(address - start, text));
            }
            if (address % SLOT == 0) {
                while (result.size() < address / SLOT) {
                    result.add(new Line(0, "(out of step)"));
                }
                start = address;
                text = matcher.group(2);
            }
        }
        while (result.size() < count) {
            result.add(new Line(0, "(missing)"));
        }
        return result;
    }

    /** The text without comments, symbols, redundant prefixes, size suffixes, sizes that only one of the two writes. */
    static String normalize(String text) {
        String t = text.replaceAll("#.*", "").replaceAll("<.*?>", "").trim().replaceAll("\\s+", " ");
        t = IGNORED_PREFIX.matcher(t).replaceFirst("");
        t = t.replaceAll("\\[[re]iz\\*[1248]\\+", "[").replaceAll("\\+[re]iz\\*[1248]", "");
        t = t.replaceAll("ds:\\[?(0x[0-9a-f]+)\\]?", "[$1]").replaceAll(":(0x[0-9a-f]+)$", ":[$1]");
        t = t.replaceAll("0xffffffff([0-9a-f]{8})", "0x$1");
        t = t.replace(", ", ",").replace("movabs ", "mov ").replaceFirst(" ?\\((8087|287) only\\)", "");
        t = t.replaceFirst(
                "^(iret|retf?|popa?f?|pusha?f?|leave|enter|call|jmp|[ls][gi]dt|sysexit|sysret|fldenv|fnstenv|"
                        + "fnsave|frstor)[wdq](?= |$)",
                "$1");
        t = t.replaceFirst("^(xsave|xrstor|xsaveopt|fxsave|fxrstor)64 ", "$1 ");
        return t.trim();
    }
}
