package dev.vz.emulator.decode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The opcode maps, read from the {@code .opcodes} files beside this class.
 *
 * <p>
 * A line is {@code [prefix] opcode mnemonic operands [attributes]}. The prefix is {@code np}, {@code 66}, {@code f3} or
 * {@code f2}; without one the form does not care. The opcode is its bytes in hexadecimal, then {@code +r} (a register in
 * the low three bits) or {@code +c} (a condition in the low four), {@code /n} (ModRM.reg is n), {@code m} or {@code r}
 * behind the slash (memory only, register only), or {@code .xx} (ModRM is exactly that). {@code -} stands for no operands.
 */
public final class OpcodeTable {

    /** Maps by their leading bytes: none, 0F, 0F38, 0F3A. */
    static final int MAPS = 4;

    private static final OpcodeTable INSTANCE = load("one-byte", "two-byte", "vector", "x87");

    private final List<InstructionForm> all = new ArrayList<>();
    private final InstructionForm[][][] slots = new InstructionForm[MAPS][256][];
    private final boolean[][] modrm = new boolean[MAPS][256];

    private OpcodeTable() {}

    /** The table of everything that the emulator knows. */
    public static OpcodeTable instance() {
        return INSTANCE;
    }

    /** Every form, in the order of the files. */
    public List<InstructionForm> forms() {
        return Collections.unmodifiableList(all);
    }

    /** In which map, 0 to 3, the form is. */
    public int mapOf(InstructionForm form) {
        for (int map = 0; map < MAPS; map++) {
            for (InstructionForm candidate : slots[map][form.opcode()]) {
                if (candidate.equals(form)) {
                    return map;
                }
            }
        }
        throw new IllegalArgumentException("Not a form of this table: " + form);
    }

    boolean hasModrm(int map, int opcode) {
        return modrm[map][opcode];
    }

    /** The form that these bytes select, or {@code null}: an invalid opcode. */
    @Nullable
    InstructionForm find(int map, int opcode, InstructionForm.Prefix prefix, int modrmByte, boolean code64) {
        for (InstructionForm form : slots[map][opcode]) {
            if (form.matches(prefix, modrmByte, code64)) {
                return form;
            }
        }
        return null;
    }

    private static OpcodeTable load(String... names) {
        var table = new OpcodeTable();
        var building = new ArrayList<List<List<InstructionForm>>>();
        for (int map = 0; map < MAPS; map++) {
            var slots = new ArrayList<List<InstructionForm>>();
            for (int opcode = 0; opcode < 256; opcode++) {
                slots.add(new ArrayList<>());
            }
            building.add(slots);
        }
        for (String name : names) {
            table.read(name + ".opcodes", building);
        }
        for (int map = 0; map < MAPS; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                List<InstructionForm> slot = building.get(map).get(opcode);
                table.slots[map][opcode] = slot.toArray(InstructionForm[]::new);
                table.modrm[map][opcode] = slot.stream().anyMatch(InstructionForm::hasModrm);
                table.all.addAll(slot);
            }
        }
        return table;
    }

    private void read(String file, List<List<List<InstructionForm>>> building) {
        try (InputStream in = OpcodeTable.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("The opcode table " + file + " is missing beside OpcodeTable");
            }
            var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    parse(line, building);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Reading the opcode table " + file, e);
        }
    }

    private static void parse(String line, List<List<List<InstructionForm>>> building) {
        String[] columns = line.trim().split("\\s+");
        int at = 0;
        InstructionForm.Prefix prefix = prefix(columns);
        if (prefix != InstructionForm.Prefix.ANY) {
            at++;
        }
        String code = columns[at++];
        Mnemonic mnemonic = Mnemonic.valueOf(columns[at++].toUpperCase(Locale.ROOT));
        List<OperandKind> operands = operands(columns[at++]);
        Set<InstructionForm.Attribute> attributes = EnumSet.noneOf(InstructionForm.Attribute.class);
        if (at < columns.length) {
            for (String attribute : columns[at].split(",", -1)) {
                attributes.add(InstructionForm.Attribute.valueOf(attribute.toUpperCase(Locale.ROOT)));
            }
        }
        String selector = "";
        int count = 1;
        int mark = code.indexOf('+');
        if (mark >= 0) {
            count = code.charAt(mark + 1) == 'r' ? 8 : 16;
        } else {
            mark = Math.max(code.indexOf('/'), code.indexOf('.'));
            selector = mark >= 0 ? code.substring(mark) : "";
        }
        String bytes = mark >= 0 ? code.substring(0, mark) : code;
        int map = bytes.startsWith("0f38") && bytes.length() == 6 ? 2
                : bytes.startsWith("0f3a") && bytes.length() == 6 ? 3
                        : bytes.startsWith("0f") && bytes.length() == 4 ? 1 : 0;
        int first = Integer.parseInt(bytes.substring(bytes.length() - 2), 16);
        for (int i = 0; i < count; i++) {
            building.get(map).get(first + i)
                    .add(select(mnemonic, operands, prefix, first + i, selector, attributes));
        }
    }

    private static InstructionForm select(Mnemonic mnemonic, List<OperandKind> operands, InstructionForm.Prefix prefix,
            int opcode, String selector, Set<InstructionForm.Attribute> attributes) {
        int digit = -1;
        int exact = -1;
        var mod = InstructionForm.Mod.ANY;
        if (selector.startsWith(".")) {
            exact = Integer.parseInt(selector.substring(1), 16);
        } else if (!selector.isEmpty()) {
            String rest = selector.substring(1);
            if (rest.endsWith("m")) {
                mod = InstructionForm.Mod.MEMORY;
                rest = rest.substring(0, rest.length() - 1);
            } else if (rest.endsWith("r")) {
                mod = InstructionForm.Mod.REGISTER;
                rest = rest.substring(0, rest.length() - 1);
            }
            digit = rest.isEmpty() ? -1 : Integer.parseInt(rest);
        }
        return new InstructionForm(mnemonic, operands, prefix, opcode, mod, digit, exact, attributes);
    }

    private static InstructionForm.Prefix prefix(String[] columns) {
        // A one-byte opcode can look like a prefix (66 is one); what tells them apart is that an opcode follows.
        if (columns.length < 4 || !columns[1].matches("(0f|90).*")) {
            return InstructionForm.Prefix.ANY;
        }
        return switch (columns[0]) {
            case "np" -> InstructionForm.Prefix.NONE;
            case "66" -> InstructionForm.Prefix.OPERAND_SIZE;
            case "f3" -> InstructionForm.Prefix.REPEAT;
            case "f2" -> InstructionForm.Prefix.REPEAT_NOT;
            default -> InstructionForm.Prefix.ANY;
        };
    }

    private static List<OperandKind> operands(String column) {
        if (column.equals("-")) {
            return List.of();
        }
        var kinds = new ArrayList<OperandKind>(3);
        for (String name : column.split(",", -1)) {
            kinds.add(name.equals("1") ? OperandKind.ONE : OperandKind.valueOf(name));
        }
        return kinds;
    }
}
