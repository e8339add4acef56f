package dev.vz.virtio.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What the guest is told of a file.
 *
 * @param inode    its number; 0 where the file system has none
 * @param size     bytes
 * @param mode     type and permissions
 * @param links    names it has
 * @param user     owner
 * @param group    owner's group
 * @param device   for a device, which
 * @param accessed time of the last access
 * @param modified time of the last change of its content
 * @param changed  time of the last change of anything
 */
record FileAttributes(long inode, long size, int mode, int links, int user, int group, int device, Time accessed,
        Time modified, Time changed) {

    static final int TYPE = 0170000;
    static final int REGULAR = 0100000;
    static final int DIRECTORY = 0040000;
    static final int LINK = 0120000;

    /** Seconds since 1970 and nanoseconds. */
    record Time(long seconds, int nanos) {
        static Time of(FileTime time) {
            long nanos = time.to(TimeUnit.NANOSECONDS);
            // Beyond the year 2262 nanoseconds saturate; whole seconds do not.
            return nanos == Long.MAX_VALUE || nanos == Long.MIN_VALUE ? new Time(time.to(TimeUnit.SECONDS), 0)
                    : new Time(Math.floorDiv(nanos, 1_000_000_000L), (int) Math.floorMod(nanos, 1_000_000_000L));
        }
    }

    /** Asks for those of {@code path}, not of what a link points to. */
    static FileAttributes of(Path path, boolean readOnly) throws IOException {
        if (!path.getFileSystem().supportedFileAttributeViews().contains("unix")) {
            return basic(Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS),
                    readOnly);
        }
        Map<String, Object> all = Files.readAttributes(path,
                "unix:ino,size,mode,nlink,uid,gid,rdev,lastAccessTime,lastModifiedTime,ctime",
                LinkOption.NOFOLLOW_LINKS);
        return new FileAttributes(number(all, "ino"), number(all, "size"), (int) number(all, "mode"),
                (int) number(all, "nlink"), (int) number(all, "uid"), (int) number(all, "gid"),
                device(number(all, "rdev")), time(all, "lastAccessTime"), time(all, "lastModifiedTime"),
                time(all, "ctime"));
    }

    private static long number(Map<String, Object> all, String name) {
        return all.get(name) instanceof Number value ? value.longValue() : 0;
    }

    private static Time time(Map<String, Object> all, String name) {
        return all.get(name) instanceof FileTime value ? Time.of(value) : new Time(0, 0);
    }

    /** From the C library's numbers to the 32 bits that the kernel speaks. */
    private static int device(long number) {
        long major = number >>> 8 & 0xFFF | number >>> 32 & ~0xFFFL;
        long minor = number & 0xFF | number >>> 12 & ~0xFFL;
        return (int) (minor & 0xFF | major << 8 | (minor & ~0xFFL) << 12);
    }

    private static FileAttributes basic(BasicFileAttributes a, boolean readOnly) {
        int type = a.isDirectory() ? DIRECTORY : a.isSymbolicLink() ? LINK : REGULAR;
        int permissions = (a.isDirectory() ? 0755 : 0644) & (readOnly ? ~0222 : ~0);
        Time modified = Time.of(a.lastModifiedTime());
        return new FileAttributes(0, a.size(), type | permissions, 1, 0, 0, 0, Time.of(a.lastAccessTime()),
                modified, modified);
    }

    boolean isDirectory() {
        return (mode & TYPE) == DIRECTORY;
    }
}
