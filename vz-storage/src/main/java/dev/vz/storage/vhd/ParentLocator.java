package dev.vz.storage.vhd;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Where a differencing image's parent is, by the fields of the dynamic header: "Parent Unique ID", "Parent Unicode Name"
 * and "Parent Locator Entry".
 *
 * @param id   the parent's unique id
 * @param name its name as a path of this host: untrusted
 */
record ParentLocator(UUID id, String name) {

    static final int ID_AT = 40;
    static final int TIME_AT = 56;
    static final int NAME_AT = 64;
    static final int NAME_BYTES = 512;
    static final int ENTRIES_AT = 576;
    static final int ENTRIES = 8;
    static final int ENTRY_BYTES = 24;
    static final String RELATIVE = "W2ru";
    static final String ABSOLUTE = "W2ku";
    static final String URL = "MacX";
    /** Longer than any path of a host. */
    private static final int MAX_BYTES = 8192;

    /** Reads the entries of {@code header}. A relative path is preferred: it is what moves together with the images. */
    static ParentLocator read(ImageFile file, MemorySegment header) {
        String relative = null;
        String url = null;
        String absolute = null;
        for (int i = 0; i < ENTRIES; i++) {
            long at = ENTRIES_AT + (long) i * ENTRY_BYTES;
            String code = new String(header.asSlice(at, 4).toArray(ValueLayout.JAVA_BYTE),
                    StandardCharsets.ISO_8859_1);
            switch (code) {
                case RELATIVE -> relative = path(text(file, header, at, StandardCharsets.UTF_16LE));
                case ABSOLUTE -> absolute = path(text(file, header, at, StandardCharsets.UTF_16LE));
                case URL -> url = ofUrl(text(file, header, at, StandardCharsets.UTF_8));
                default -> {
                    // Nothing, or a name in an encoding that depends on the machine that wrote it.
                }
            }
        }
        String name = relative != null ? relative : url != null ? url : absolute != null ? absolute
                : path(terminated(header.asSlice(NAME_AT, NAME_BYTES), StandardCharsets.UTF_16BE));
        if (name.isEmpty()) {
            throw VhdDriver.bad(file, "it is a differencing image, but names no parent");
        }
        return new ParentLocator(VhdFooter.uuid(header, ID_AT), name);
    }

    private static String text(ImageFile file, MemorySegment header, long at, Charset charset) {
        int length = header.get(VhdFooter.INT, at + 8);
        long offset = header.get(VhdFooter.LONG, at + 16);
        if (length < 0 || length > MAX_BYTES || offset < VhdFooter.LENGTH || offset > file.size() - length) {
            throw VhdDriver.bad(file, "a parent locator takes " + Integer.toUnsignedString(length) + " bytes at " + Long
                    .toUnsignedString(offset));
        }
        byte[] bytes = new byte[length];
        file.read(offset, MemorySegment.ofArray(bytes));
        return terminated(MemorySegment.ofArray(bytes), charset);
    }

    private static String terminated(MemorySegment bytes, Charset charset) {
        String text = new String(bytes.toArray(ValueLayout.JAVA_BYTE), charset);
        int end = text.indexOf('\0');
        return end < 0 ? text : text.substring(0, end);
    }

    /** A Windows path as one of this host: {@code .\a\b} is {@code a/b}. */
    private static String path(String windows) {
        String path = windows.replace('\\', '/');
        return path.startsWith("./") ? path.substring(2) : path;
    }

    private static @Nullable String ofUrl(String url) {
        try {
            String path = new URI(url).getPath();
            return path == null || path.isEmpty() ? null : path;
        } catch (URISyntaxException noUrl) {
            return null; // the other entries may say where it is
        }
    }

    /** The bytes of the entry for {@code name}, to be put into the file. */
    static byte[] encode(String name) {
        byte[] bytes = isAbsolute(name) ? url(name).getBytes(StandardCharsets.UTF_8)
                : (".\\" + name.replace('/', '\\')).getBytes(StandardCharsets.UTF_16LE);
        if (bytes.length > MAX_BYTES) {
            throw new ConfigurationException("The name of the parent has " + name.length()
                    + " characters, too many for a parent locator");
        }
        return bytes;
    }

    private static boolean isAbsolute(String name) {
        return name.startsWith("/");
    }

    private static String url(String path) {
        try {
            return new URI("file", "localhost", path, null).toASCIIString();
        } catch (URISyntaxException impossible) {
            throw new ConfigurationException(
                    "The parent's name '" + path + "' cannot be written as a URL: " + impossible
                            .getMessage());
        }
    }

    /** Fills the fields of {@code header} for a parent {@code name}, whose entry's bytes come to be at {@code offset}. */
    static void put(MemorySegment header, UUID id, int modified, String name, int length, long offset) {
        VhdFooter.putUuid(header, ID_AT, id);
        header.set(VhdFooter.INT, TIME_AT, modified);
        String last = name.substring(name.lastIndexOf('/') + 1);
        byte[] unicode = last.substring(0, Math.min(last.length(), NAME_BYTES / 2 - 1)).getBytes(
                StandardCharsets.UTF_16BE);
        MemorySegment.copy(unicode, 0, header, ValueLayout.JAVA_BYTE, NAME_AT, unicode.length);
        byte[] code = (isAbsolute(name) ? URL : RELATIVE).getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(code, 0, header, ValueLayout.JAVA_BYTE, ENTRIES_AT, code.length);
        header.set(VhdFooter.INT, ENTRIES_AT + 4, space(length));
        header.set(VhdFooter.INT, ENTRIES_AT + 8, length);
        header.set(VhdFooter.LONG, ENTRIES_AT + 16, offset);
    }

    /** Bytes of the file that an entry of {@code length} bytes takes: whole sectors. */
    static int space(int length) {
        return Math.max(VhdFooter.LENGTH, length + VhdFooter.LENGTH - 1 & -VhdFooter.LENGTH);
    }

    /** The entry's bytes with what fills their last sector. */
    static MemorySegment padded(Arena arena, byte[] bytes) {
        MemorySegment padded = arena.allocate(space(bytes.length));
        MemorySegment.copy(bytes, 0, padded, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return padded;
    }
}
