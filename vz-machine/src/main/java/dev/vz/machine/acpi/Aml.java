package dev.vz.machine.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * ACPI Machine Language (ACPI 6.5, chapter 20): the bytecode of definition blocks. Each method gives one encoded term; terms
 * nest. Immutable.
 */
public final class Aml {

    private static final int MAX_PACKAGE = 1 << 28;
    /** General flags of an address space: produced for others, positive decode, minimum and maximum fixed (6.4.3.5). */
    private static final byte PRODUCED_FIXED = 0xC;

    private final byte[] code;

    private Aml(byte[] code) {
        this.code = code;
    }

    /** The encoded term. */
    public byte[] bytes() {
        return code.clone();
    }

    /** {@code terms} one after the other. */
    public static Aml list(List<Aml> terms) {
        return new Aml(join(terms.toArray(Aml[]::new)));
    }

    /** {@code Scope (name) {terms}} (20.2.5.1). */
    public static Aml scope(String name, Aml... terms) {
        return pkg(new byte[] {0x10}, path(name), join(terms));
    }

    /** {@code Device (name) {terms}} (20.2.5.2). */
    public static Aml device(String name, Aml... terms) {
        return pkg(new byte[] {0x5B, (byte) 0x82}, path(name), join(terms));
    }

    /** {@code Name (name, value)} (20.2.5.1). */
    public static Aml name(String name, Aml value) {
        return new Aml(concat(new byte[] {0x08}, path(name), value.code));
    }

    /** {@code Method (name, arguments) {terms}}, not serialized (20.2.5.2). {@code arguments} is 0 to 7. */
    public static Aml method(String name, int arguments, Aml... terms) {
        return pkg(new byte[] {0x14}, concat(path(name), new byte[] {(byte) (arguments & 7)}), join(terms));
    }

    /** {@code Method (name, arguments, Serialized) {terms}}: one caller at a time (20.2.5.2). */
    public static Aml serializedMethod(String name, int arguments, Aml... terms) {
        return pkg(new byte[] {0x14}, concat(path(name), new byte[] {(byte) (arguments & 7 | 8)}), join(terms));
    }

    /** {@code OperationRegion (name, SystemIO, port, length)} (20.2.5.2). */
    public static Aml portRegion(String name, int port, int length) {
        return new Aml(concat(new byte[] {0x5B, (byte) 0x80}, path(name), new byte[] {1}, integer(port).code,
                integer(length).code));
    }

    /** {@code Field (region, DWordAcc, NoLock, WriteAsZeros) {names}}: each name is 32 bits, one after the other. */
    public static Aml doubleWords(String region, String... names) {
        byte[][] fields = Arrays.stream(names).map(name -> concat(path(name), new byte[] {32})).toArray(byte[][]::new);
        return pkg(new byte[] {0x5B, (byte) 0x81}, concat(path(region), new byte[] {0x43}), concat(fields));
    }

    /** Something that has a name: a field to be read, or a method without arguments to be called (20.2.5.4). */
    public static Aml named(String name) {
        return new Aml(path(name));
    }

    /** {@code LocalN}, 0 to 7 (20.2.6.2). */
    public static Aml local(int number) {
        return new Aml(new byte[] {(byte) (0x60 + (number & 7))});
    }

    /** {@code Store (value, target)} (20.2.5.4). */
    public static Aml store(Aml value, Aml target) {
        return new Aml(concat(new byte[] {0x70}, value.code, target.code));
    }

    /** {@code If (And (value, mask)) {terms}}: runs them if a bit of {@code mask} is set in {@code value} (20.2.5.3). */
    public static Aml ifAnyBit(Aml value, long mask, Aml... terms) {
        byte[] and = concat(new byte[] {0x7B}, value.code, integer(mask).code, new byte[1]);
        return pkg(new byte[] {(byte) 0xA0}, and, join(terms));
    }

    /** {@code Notify (device, value)} (20.2.5.3). */
    public static Aml notify(String device, int value) {
        return new Aml(concat(new byte[] {(byte) 0x86}, path(device), integer(value).code));
    }

    /** {@code Return (value)} (20.2.5.3). */
    public static Aml returns(Aml value) {
        return new Aml(concat(new byte[] {(byte) 0xA4}, value.code));
    }

    /** {@code Package () {elements}} (20.2.5.4). */
    public static Aml packageOf(Aml... elements) {
        return pkg(new byte[] {0x12}, new byte[] {(byte) elements.length}, join(elements));
    }

    /** An integer, in the shortest form (20.2.3). */
    public static Aml integer(long value) {
        if (value == 0 || value == 1) {
            return new Aml(new byte[] {(byte) value});
        }
        int size = value >>> 8 == 0 ? 1 : value >>> 16 == 0 ? 2 : value >>> 32 == 0 ? 4 : 8;
        int prefix = switch (size) {
            case 1 -> 0x0A;
            case 2 -> 0x0B;
            case 4 -> 0x0C;
            default -> 0x0E;
        };
        return new Aml(concat(new byte[] {(byte) prefix}, little(value, size)));
    }

    /** A string of ASCII characters (20.2.3). */
    public static Aml string(String text) {
        return new Aml(concat(new byte[] {0x0D}, text.getBytes(StandardCharsets.US_ASCII), new byte[1]));
    }

    /** {@code Buffer () {bytes}} (20.2.5.4). */
    public static Aml buffer(byte[] bytes) {
        return pkg(new byte[] {0x11}, integer(bytes.length).code, bytes);
    }

    /**
     * {@code EisaId ("PNPxxxx")}: a compressed identifier (ACPI 6.5, 6.1.5).
     *
     * @param id three capital letters and four hexadecimal digits
     */
    public static Aml eisaId(String id) {
        if (!id.matches("[A-Z]{3}[0-9A-F]{4}")) {
            throw new IllegalArgumentException("An EISA id is three letters and four hexadecimal digits, got " + id);
        }
        int letters = (id.charAt(0) - 0x40) << 10 | (id.charAt(1) - 0x40) << 5 | id.charAt(2) - 0x40;
        int number = Integer.parseInt(id.substring(3), 16);
        // Compressed big-endian, stored as a little-endian integer.
        return integer(Integer.toUnsignedLong(Integer.reverseBytes(letters << 16 | number)));
    }

    /** {@code ResourceTemplate () {descriptors}}: the value of a {@code _CRS} (ACPI 6.5, 6.4). */
    public static Aml resources(byte[]... descriptors) {
        byte[] all = concat(descriptors);
        return buffer(concat(all, new byte[] {0x79, 0})); // end tag; checksum 0 is "not checked"
    }

    /** An I/O port descriptor (6.4.2.5): {@code length} ports from {@code port}, 16-bit decode. */
    public static byte[] ioPorts(int port, int length) {
        return concat(new byte[] {0x47, 1}, little(port, 2), little(port, 2), new byte[] {1, (byte) length});
    }

    /** An IRQ descriptor without flags (6.4.2.1): edge-triggered, active high, exclusive. */
    public static byte[] irq(int number) {
        return concat(new byte[] {0x22}, little(1L << number, 2));
    }

    /** A fixed 32-bit memory range, read-write (6.4.3.4). */
    public static byte[] memory32(long address, long length) {
        return concat(new byte[] {(byte) 0x86, 9, 0, 1}, little(address, 4), little(length, 4));
    }

    /** A word address space descriptor for bus numbers (6.4.3.5.3): what is behind a host bridge. */
    public static byte[] busNumbers(int first, int last) {
        return wordSpace(2, 0, first, last);
    }

    /** A word address space descriptor for ports (6.4.3.5.3): a host bridge passes {@code first} to {@code last} on. */
    public static byte[] portWindow(int first, int last) {
        return wordSpace(1, 3, first, last); // both ISA and non-ISA ranges
    }

    private static byte[] wordSpace(int type, int typeFlags, int first, int last) {
        return concat(new byte[] {(byte) 0x88, 13, 0, (byte) type, PRODUCED_FIXED, (byte) typeFlags}, little(0, 2),
                little(first, 2), little(last, 2), little(0, 2), little(last - first + 1, 2));
    }

    /** A double word address space descriptor for memory (6.4.3.5.2), not cacheable, read-write, passed on by a bridge. */
    public static byte[] memoryWindow(long first, long last) {
        return concat(new byte[] {(byte) 0x87, 23, 0, 0, PRODUCED_FIXED, 1}, little(0, 4), little(first, 4),
                little(last, 4), little(0, 4), little(last - first + 1, 4));
    }

    /** An extended interrupt descriptor (6.4.3.6): one GSI, active high, exclusive, consumer. */
    public static byte[] interrupt(int gsi, boolean levelTriggered) {
        return concat(new byte[] {(byte) 0x89, 6, 0, (byte) (levelTriggered ? 1 : 3), 1}, little(gsi, 4));
    }

    // ---------------------------------------------------------------------------------------------- encoding

    /** A name, a root-relative ({@code \_SB_}) or a dotted path; segments shorter than four are padded (20.2.2). */
    private static byte[] path(String name) {
        var out = new ByteArrayOutputStream();
        String rest = name;
        if (rest.startsWith("\\")) {
            out.write('\\');
            rest = rest.substring(1);
        }
        String[] segments = rest.split("\\.", -1);
        if (segments.length == 2) {
            out.write(0x2E);
        } else if (segments.length > 2) {
            out.write(0x2F);
            out.write(segments.length);
        }
        for (String segment : segments) {
            if (!segment.matches("[A-Z_][A-Z0-9_]{0,3}")) {
                throw new IllegalArgumentException("\"" + segment + "\" in \"" + name + "\" is no ACPI name: one to "
                        + "four of A-Z, 0-9 and _, not starting with a digit");
            }
            out.writeBytes((segment + "___").substring(0, 4).getBytes(StandardCharsets.US_ASCII));
        }
        return out.toByteArray();
    }

    /** {@code opcode PkgLength head body}. */
    private static Aml pkg(byte[] opcode, byte[] head, byte[] body) {
        return new Aml(concat(opcode, packageLength(head.length + body.length), head, body));
    }

    /** The length of a package counts itself (20.2.4). */
    private static byte[] packageLength(int content) {
        if (content + 1 <= 0x3F) {
            return new byte[] {(byte) (content + 1)};
        }
        int follow = content + 2 < 1 << 12 ? 1 : content + 3 < 1 << 20 ? 2 : 3;
        int total = content + 1 + follow;
        if (total >= MAX_PACKAGE) {
            throw new IllegalArgumentException("An AML package cannot hold " + content + " bytes");
        }
        var length = new byte[1 + follow];
        length[0] = (byte) (follow << 6 | total & 0xF);
        for (int i = 0; i < follow; i++) {
            length[1 + i] = (byte) (total >>> 4 + 8 * i);
        }
        return length;
    }

    static byte[] little(long value, int size) {
        var bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        return bytes;
    }

    private static byte[] join(Aml... terms) {
        return concat(Arrays.stream(terms).map(t -> t.code).toArray(byte[][]::new));
    }

    private static byte[] concat(byte[]... parts) {
        var out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
