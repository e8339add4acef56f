package dev.vz.samples.cli.kit;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes a cpio archive in the format {@code newc} ({@code cpio(5)}, "New ASCII Format"), which is what Linux unpacks as
 * its initial root file system (kernel documentation, "initramfs buffer format").
 *
 * <p>
 * Every entry belongs to root and has modification time 0, so equal content gives equal bytes. Parents must come before
 * children, as the kernel makes no missing folders. Archives may follow one another: the kernel unpacks all of them,
 * later entries replacing earlier ones. Kept in memory. Not thread-safe.
 */
public final class CpioArchive {

    private static final int TYPE_FIFO = 0010000;
    private static final int TYPE_CHARACTER_DEVICE = 0020000;
    private static final int TYPE_DIRECTORY = 0040000;
    private static final int TYPE_FILE = 0100000;
    private static final int TYPE_SYMBOLIC_LINK = 0120000;
    /** The kernel's PATH_MAX: a longer name makes it skip the entry without a word. */
    private static final int MAXIMUM_NAME = 4096;
    /** Archives are padded to this, so that what follows one starts where the kernel looks for it. */
    private static final int ARCHIVE_ALIGNMENT = 512;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 << 20);
    private final Set<String> names = new HashSet<>();
    private int nextInode = 1;

    /** Adds a folder; {@code name} is relative to the root, {@code mode} the permission bits. */
    public CpioArchive directory(String name, int mode) {
        return entry(name, TYPE_DIRECTORY | permissions(name, mode), 0, 0, new byte[0]);
    }

    /** Adds a file with this content. */
    public CpioArchive file(String name, int mode, byte[] content) {
        return entry(name, TYPE_FILE | permissions(name, mode), 0, 0, content);
    }

    /**
     * Adds a file with the content of {@code source}.
     *
     * @throws HostException if it cannot be read
     */
    public CpioArchive file(String name, int mode, Path source) {
        try {
            return file(name, mode, Files.readAllBytes(source));
        } catch (IOException failure) {
            throw new HostException("reading a file for the archive", source.toString(), failure);
        }
    }

    /** Adds a symbolic link that points to {@code target}. */
    public CpioArchive symbolicLink(String name, String target) {
        return entry(name, TYPE_SYMBOLIC_LINK | 0777, 0, 0, target.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a character device. */
    public CpioArchive characterDevice(String name, int mode, int major, int minor) {
        return entry(name, TYPE_CHARACTER_DEVICE | permissions(name, mode), major, minor, new byte[0]);
    }

    /** Adds a named pipe. */
    public CpioArchive fifo(String name, int mode) {
        return entry(name, TYPE_FIFO | permissions(name, mode), 0, 0, new byte[0]);
    }

    /** The whole archive with its trailer, a multiple of 512 bytes. */
    public byte[] toByteArray() {
        var whole = new ByteArrayOutputStream(bytes.size() + 1024);
        whole.writeBytes(bytes.toByteArray());
        write(whole, "TRAILER!!!", 0, 0, 0, 0, new byte[0]);
        pad(whole, ARCHIVE_ALIGNMENT);
        return whole.toByteArray();
    }

    private CpioArchive entry(String name, int mode, int major, int minor, byte[] content) {
        checkName(name);
        write(bytes, name, nextInode++, mode, major, minor, content);
        return this;
    }

    private void checkName(String name) {
        int length = name.getBytes(StandardCharsets.UTF_8).length;
        if (name.isEmpty() || length >= MAXIMUM_NAME || name.indexOf('\0') >= 0) {
            throw new ConfigurationException("An archive entry needs a name of 1 to " + (MAXIMUM_NAME - 1)
                    + " bytes without NUL, got " + length + " bytes");
        }
        for (String part : name.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) {
                throw new ConfigurationException("The archive entry \"" + name
                        + "\" must be a plain path relative to the root, without empty parts, \".\" and \"..\"");
            }
        }
        int parent = name.lastIndexOf('/');
        if (parent > 0 && !names.contains(name.substring(0, parent))) {
            throw new ConfigurationException("The archive entry \"" + name + "\" comes before its folder \""
                    + name.substring(0, parent) + "\"; add the folder first");
        }
        if (!names.add(name)) {
            throw new ConfigurationException("The archive has \"" + name + "\" already");
        }
    }

    private static int permissions(String name, int mode) {
        if ((mode & ~07777) != 0) {
            throw new ConfigurationException("The archive entry \"" + name + "\" has mode 0" + Integer.toOctalString(mode)
                    + "; only the permission bits 07777 may be set");
        }
        return mode;
    }

    /** One header, its name and its content, each padded to 4 bytes. */
    private static void write(ByteArrayOutputStream out, String name, int inode, int mode, int major, int minor,
            byte[] content) {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        int links = (mode & TYPE_DIRECTORY) != 0 ? 2 : 1;
        var header = new StringBuilder("070701");
        int[] fields = {inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, nameBytes.length + 1, 0};
        for (int field : fields) {
            header.append(String.format("%08X", field));
        }
        out.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(nameBytes);
        out.write(0);
        pad(out, 4);
        out.writeBytes(content);
        pad(out, 4);
    }

    private static void pad(ByteArrayOutputStream out, int alignment) {
        while (out.size() % alignment != 0) {
            out.write(0);
        }
    }
}
