package dev.vz.samples.cli.kit;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
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
 * later entries replacing earlier ones. Not thread-safe.
 */
public final class CpioArchive {

    private static final int TYPE_FIFO = 0010000;
    private static final int TYPE_CHARACTER_DEVICE = 0020000;
    private static final int TYPE_DIRECTORY = 0040000;
    private static final int TYPE_FILE = 0100000;
    private static final int TYPE_SYMBOLIC_LINK = 0120000;
    /** The kernel's PATH_MAX: a longer name makes it skip the entry without a word. */
    private static final int MAXIMUM_NAME = 4096;
    private static final int FIELD_ALIGNMENT = 4;
    /** As other writers do; what follows an archive has to start at a multiple of 4. */
    private static final int ARCHIVE_ALIGNMENT = 512;

    /** A field of the header has eight hexadecimal digits. */
    private static final long MAXIMUM_FILE = 0xFFFF_FFFFL;
    private static final byte[] NO_CONTENT = {};

    private final OutputStream out;
    private final Set<String> names = new HashSet<>();
    private long position;
    private int nextInode = 1;

    /** Writes to {@code out}, which it does not close; every method throws {@link HostException} if that fails. */
    public CpioArchive(OutputStream out) {
        this.out = out;
    }

    /** Adds a folder; {@code name} is relative to the root, {@code mode} the permission bits. */
    public CpioArchive directory(String name, int mode) {
        return entry(name, TYPE_DIRECTORY | permissions(name, mode), 0, 0, NO_CONTENT);
    }

    /** Adds a file with this content. */
    public CpioArchive file(String name, int mode, byte[] content) {
        return entry(name, TYPE_FILE | permissions(name, mode), 0, 0, content);
    }

    /** Adds a file with the content of {@code source}, up to 4 GiB. */
    public CpioArchive file(String name, int mode, Path source) {
        checkName(name);
        try (InputStream content = Files.newInputStream(source)) {
            long size = Files.size(source);
            if (size > MAXIMUM_FILE) {
                throw new ConfigurationException("The archive cannot hold " + source + ": it has " + size
                        + " bytes, and the format has room for " + MAXIMUM_FILE);
            }
            header(name, nextInode++, TYPE_FILE | permissions(name, mode), 0, 0, size);
            long copied = content.transferTo(out);
            if (copied != size) {
                throw new IOException("its size changed from " + size + " to " + copied + " bytes meanwhile");
            }
            position += size;
            pad(FIELD_ALIGNMENT);
            return this;
        } catch (IOException failure) {
            throw new HostException("putting a file into an archive", source.toString(), failure);
        }
    }

    /** Adds a symbolic link that points to {@code target}. */
    public CpioArchive symbolicLink(String name, String target) {
        return entry(name, TYPE_SYMBOLIC_LINK | 0777, 0, 0, target.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a character device. */
    public CpioArchive characterDevice(String name, int mode, int major, int minor) {
        return entry(name, TYPE_CHARACTER_DEVICE | permissions(name, mode), major, minor, NO_CONTENT);
    }

    /** Adds a named pipe. */
    public CpioArchive fifo(String name, int mode) {
        return entry(name, TYPE_FIFO | permissions(name, mode), 0, 0, NO_CONTENT);
    }

    /** Ends the archive; its length is then a multiple of 512 bytes. */
    public void finish() {
        try {
            header("TRAILER!!!", 0, 0, 0, 0, 0);
            pad(ARCHIVE_ALIGNMENT);
            out.flush();
        } catch (IOException failure) {
            throw new HostException("ending an archive", "byte " + position, failure);
        }
    }

    private CpioArchive entry(String name, int mode, int major, int minor, byte[] content) {
        checkName(name);
        try {
            header(name, nextInode++, mode, major, minor, content.length);
            write(content);
            pad(FIELD_ALIGNMENT);
            return this;
        } catch (IOException failure) {
            throw new HostException("putting an entry into an archive", name, failure);
        }
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
            throw new ConfigurationException("The archive entry \"" + name + "\" has mode 0"
                    + Integer.toOctalString(mode) + "; only the permission bits 07777 may be set");
        }
        return mode;
    }

    private void header(String name, int inode, int mode, int major, int minor, long size) throws IOException {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        int links = (mode & TYPE_DIRECTORY) != 0 ? 2 : 1;
        // c_ino, c_mode, c_uid, c_gid, c_nlink, c_mtime, c_filesize, c_dev…, c_rdev…, c_namesize, c_check
        long[] fields = {inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, nameBytes.length + 1, 0};
        var text = new StringBuilder("070701");
        for (long field : fields) {
            text.append(String.format("%08X", field));
        }
        write(text.toString().getBytes(StandardCharsets.US_ASCII));
        write(nameBytes);
        write(new byte[] {0});
        pad(FIELD_ALIGNMENT);
    }

    private void write(byte[] bytes) throws IOException {
        out.write(bytes);
        position += bytes.length;
    }

    private void pad(int alignment) throws IOException {
        write(new byte[(int) (-position & alignment - 1)]);
    }
}
