package dev.vz.storage.vhdx;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where a differencing image's parent is: section "Parent Locator", keys and values in UTF-16.
 *
 * @param linkage   the parent's data write GUID, in braces
 * @param name      its name as a path of this host: untrusted
 * @param linkageAt where in the file the linkage's characters are; 0 if the image is not there yet
 */
record ParentLocator(String linkage, String name, long linkageAt) {

    static final String LINKAGE = "parent_linkage";
    static final String RELATIVE = "relative_path";
    static final String ABSOLUTE = "absolute_win32_path";
    static final String VOLUME = "volume_path";
    private static final int HEADER = 20;
    private static final int ENTRY = 12;
    private static final int MAX_BYTES = 64 * 1024;
    private static final int MAX_ENTRIES = 64;

    /** Reads the item of {@code length} bytes at {@code place}. A relative path is preferred: it moves with the images. */
    static ParentLocator read(ImageFile file, long place, long length) {
        if (length < HEADER || length > MAX_BYTES) {
            throw Field.bad(file, "its parent locator has " + length + " bytes");
        }
        byte[] item = new byte[(int) length];
        MemorySegment bytes = MemorySegment.ofArray(item);
        file.read(place, bytes);
        if (!Guid.read(bytes, 0).equals(Guid.VHDX_PARENT)) {
            throw Field.bad(file, "its parent locator is of the unknown type " + Guid.read(bytes, 0));
        }
        int count = Short.toUnsignedInt(bytes.get(Field.SHORT, 18));
        if (count > MAX_ENTRIES || HEADER + count * ENTRY > length) {
            throw Field.bad(file, "its parent locator has " + count + " entries in " + length + " bytes");
        }
        Map<String, String> values = new LinkedHashMap<>();
        long linkageAt = 0;
        for (int i = 0; i < count; i++) {
            long at = HEADER + (long) i * ENTRY;
            String key = text(file, item, bytes.get(Field.INT, at), bytes.get(Field.SHORT, at + 8));
            int valueAt = bytes.get(Field.INT, at + 4);
            values.put(key, text(file, item, valueAt, bytes.get(Field.SHORT, at + 10)));
            linkageAt = key.equals(LINKAGE) ? place + valueAt : linkageAt;
        }
        String linkage = values.get(LINKAGE);
        if (linkage == null || linkage.length() != Guid.ZERO.toString().length()) {
            throw Field.bad(file, "its parent locator has the linkage " + linkage);
        }
        for (String key : new String[] {RELATIVE, VOLUME, ABSOLUTE}) {
            String path = values.getOrDefault(key, "").replace('\\', '/');
            if (!path.isEmpty()) {
                return new ParentLocator(linkage.toLowerCase(java.util.Locale.ROOT), path.startsWith("./") ? path
                        .substring(2) : path, linkageAt);
            }
        }
        throw Field.bad(file, "its parent locator names no file");
    }

    private static String text(ImageFile file, byte[] item, int offset, short length) {
        int bytes = Short.toUnsignedInt(length);
        if (offset < HEADER || offset > item.length - bytes) {
            throw Field.bad(file, "its parent locator has " + bytes + " bytes of text at " + Integer.toUnsignedString(
                    offset));
        }
        return new String(item, offset, bytes, StandardCharsets.UTF_16LE);
    }

    /** Writes the item at {@code at} of {@code region}; returns its length. */
    int encode(MemorySegment region, long at) {
        boolean absolute = name.startsWith("/");
        String path = absolute ? name : ".\\" + name.replace('/', '\\');
        String[] texts = {LINKAGE, linkage, absolute ? VOLUME : RELATIVE, path};
        Guid.VHDX_PARENT.write(region, at);
        region.set(Field.SHORT, at + 18, (short) 2);
        int next = HEADER + 2 * ENTRY;
        for (int i = 0; i < texts.length; i++) {
            byte[] bytes = texts[i].getBytes(StandardCharsets.UTF_16LE);
            if (bytes.length > 8192) {
                throw new ConfigurationException("The name of the parent has " + name.length()
                        + " characters, too many for a parent locator");
            }
            long entry = at + HEADER + (long) (i / 2) * ENTRY;
            region.set(Field.INT, entry + i % 2 * 4L, next);
            region.set(Field.SHORT, entry + 8 + i % 2 * 2L, (short) bytes.length);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, region, at + next, bytes.length);
            next += bytes.length;
        }
        return next;
    }
}
