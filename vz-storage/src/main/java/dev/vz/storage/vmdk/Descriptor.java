package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The descriptor: section "The Layout of the Descriptor".
 *
 * @param cid                changes with the first write after each opening
 * @param parentCid          the parent's, when this image was made over it
 * @param createType         how the extents are laid out
 * @param parentFileNameHint the parent's file; {@code null} for none
 * @param extents            in the disk's order
 */
record Descriptor(long cid, long parentCid, String createType, @Nullable String parentFileNameHint,
        List<ExtentLine> extents) {

    static final long NO_PARENT = 0xffff_ffffL;
    static final String START = "# Disk DescriptorFile";
    private static final int MAX_EXTENTS = 10_000;
    private static final Pattern SETTING = Pattern.compile("\\s*([A-Za-z0-9._]+)\\s*=\\s*\"?([^\"]*)\"?\\s*");
    private static final Pattern EXTENT = Pattern.compile(
            "\\s*(RW|RDONLY|NOACCESS)\\s+(\\d{1,18})\\s+([A-Z]+)(?:\\s+\"([^\"]*)\"(?:\\s+(\\d{1,18}))?.*)?\\s*");

    /**
     * One line of the extent section.
     *
     * @param sectors how many of the disk's sectors it holds
     * @param type    SPARSE, FLAT, ZERO and others
     * @param file    its file; empty for ZERO
     * @param offset  the sector of the file at which a flat extent starts
     */
    record ExtentLine(long sectors, String type, String file, long offset) {}

    /**
     * Reads a descriptor.
     *
     * @throws FormatException if it is none or contradicts itself
     */
    static Descriptor parse(String text, String name) {
        Map<String, String> settings = new HashMap<>();
        List<ExtentLine> extents = new ArrayList<>();
        for (String line : text.lines().toList()) {
            if (line.startsWith("#")) {
                continue;
            }
            Matcher extent = EXTENT.matcher(line);
            Matcher setting = SETTING.matcher(line);
            if (extent.matches()) {
                add(extents, extent, name);
            } else if (setting.matches()) {
                settings.putIfAbsent(setting.group(1), setting.group(2));
            }
        }
        String type = settings.get("createType");
        if (type == null) {
            throw new FormatException("The VMDK descriptor of " + name + " is not valid: it has no createType");
        }
        return new Descriptor(number(settings, "CID", name), number(settings, "parentCID", name), type, settings.get(
                "parentFileNameHint"), List.copyOf(extents));
    }

    private static void add(List<ExtentLine> extents, Matcher line, String name) {
        String type = line.group(3);
        if (!List.of("SPARSE", "FLAT", "ZERO", "VMFS", "VMFSSPARSE", "SESPARSE").contains(type)) {
            throw new CapabilityException("Cannot open " + name + ": extents of type " + type + " are not known here");
        }
        if (!line.group(1).equals("RW")) {
            // What may only be read, or not even that, is left out, as by VMware's own tools.
            return;
        }
        String file = line.group(4);
        if (extents.size() >= MAX_EXTENTS) {
            throw new FormatException("The VMDK descriptor of " + name + " names more than " + MAX_EXTENTS
                    + " extents");
        }
        boolean flat = type.equals("FLAT") || type.equals("VMFS");
        if (!type.equals("ZERO") && file == null || type.equals("FLAT") && line.group(5) == null) {
            throw new FormatException("The VMDK descriptor of " + name + " has an invalid extent line: " + line.group()
                    .strip());
        }
        extents.add(new ExtentLine(Long.parseLong(line.group(2)), type, file == null ? "" : file, flat && line.group(
                5) != null ? Long.parseLong(line.group(5)) : 0));
    }

    private static long number(Map<String, String> settings, String field, String name) {
        String text = settings.getOrDefault(field, "ffffffff");
        try {
            return Long.parseLong(text.toLowerCase(Locale.ROOT), 16) & 0xffff_ffffL;
        } catch (NumberFormatException malformed) {
            throw new FormatException("The VMDK descriptor of " + name + " is not valid: " + field + " is '" + text
                    + "'");
        }
    }

    /** The descriptor {@code text} with another value for {@code CID}, in eight digits as before. */
    static String withCid(String text, long cid) {
        return text.replaceFirst("(?m)^CID=.*$", "CID=" + hex(cid));
    }

    /** The descriptor {@code text} with another parent; {@code null} for none. */
    static String withParent(String text, long parentCid, @Nullable String hint) {
        String without = text.replaceFirst("(?m)^parentFileNameHint=.*\\R", "").replaceFirst("(?m)^parentCID=.*$",
                "parentCID=" + hex(parentCid));
        return hint == null ? without
                : without.replaceFirst("(?m)^(createType=.*)$", "$1\nparentFileNameHint=\"" + Matcher.quoteReplacement(
                        hint) + "\"");
    }

    static String hex(long cid) {
        return String.format(Locale.ROOT, "%08x", cid);
    }
}
