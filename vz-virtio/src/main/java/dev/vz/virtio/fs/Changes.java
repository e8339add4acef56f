package dev.vz.virtio.fs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.CopyOption;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What requests do to names and attributes. No call follows a link; a folder that is read-only is left as it is. */
final class Changes {

    private static final int SET_MODE = 1;
    private static final int SET_UID = 1 << 1;
    private static final int SET_GID = 1 << 2;
    private static final int SET_SIZE = 1 << 3;
    private static final int SET_ATIME = 1 << 4;
    private static final int SET_MTIME = 1 << 5;
    private static final int SET_HANDLE = 1 << 6;
    private static final int SET_ATIME_NOW = 1 << 7;
    private static final int SET_MTIME_NOW = 1 << 8;

    private static final int RENAME_NOREPLACE = 1;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int MODE_BITS = 07777;

    private final SharedFolder folder;
    private final NodeTable nodes;
    private final HandleTable handles;
    /** Whether new files can be given to whoever asked for them. */
    private final boolean isRoot;

    Changes(SharedFolder folder, NodeTable nodes, HandleTable handles) {
        this.folder = folder;
        this.nodes = nodes;
        this.handles = handles;
        this.isRoot = "root".equals(System.getProperty("user.name"));
    }

    private static boolean isUnix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("unix");
    }

    private void requireWritable() throws FuseException {
        if (folder.isReadOnly()) {
            throw new FuseException(FuseException.EROFS);
        }
    }

    FileAttributes attributes(Node node) throws IOException {
        return FileAttributes.of(folder.path(node), folder.isReadOnly());
    }

    void setAttributes(Node node, FuseReader in) throws IOException {
        requireWritable();
        int valid = in.int32();
        in.skip(4);
        long handle = in.int64();
        long size = in.int64();
        in.skip(8);
        long accessed = in.int64();
        long modified = in.int64();
        in.skip(8);
        int accessedNanos = in.int32();
        int modifiedNanos = in.int32();
        in.skip(4);
        int mode = in.int32();
        in.skip(4);
        int user = in.int32();
        int group = in.int32();
        Path path = folder.path(node);
        if ((valid & SET_SIZE) != 0) {
            resize(node, (valid & SET_HANDLE) != 0 ? handle : -1, size);
        }
        if (isUnix(path)) {
            int type = attributes(node).mode() & FileAttributes.TYPE;
            boolean link = type == FileAttributes.LINK;
            if (!link && type != FileAttributes.REGULAR && type != FileAttributes.DIRECTORY) {
                // To change it the library would open it, and a pipe waits for its other end.
                throw new FuseException(FuseException.EPERM);
            }
            if ((valid & SET_MODE) != 0 && !link) {
                Files.setAttribute(path, "unix:mode", mode & MODE_BITS, LinkOption.NOFOLLOW_LINKS);
            }
            if ((valid & SET_UID) != 0) {
                Files.setAttribute(path, "unix:uid", user, LinkOption.NOFOLLOW_LINKS);
            }
            if ((valid & SET_GID) != 0) {
                Files.setAttribute(path, "unix:gid", group, LinkOption.NOFOLLOW_LINKS);
            }
        }
        FileTime now = FileTime.fromMillis(System.currentTimeMillis());
        FileTime newAccess = (valid & SET_ATIME) == 0 ? null
                : (valid & SET_ATIME_NOW) != 0 ? now : time(accessed, accessedNanos);
        FileTime newModified = (valid & SET_MTIME) == 0 ? null
                : (valid & SET_MTIME_NOW) != 0 ? now : time(modified, modifiedNanos);
        setTimes(path, newModified, newAccess);
    }

    private static FileTime time(long seconds, int nanos) throws FuseException {
        if (nanos < 0 || nanos >= 1_000_000_000 || Math.abs(seconds) > 1L << 33) {
            throw new FuseException(FuseException.EINVAL);
        }
        return FileTime.from(seconds * 1_000_000_000L + nanos, TimeUnit.NANOSECONDS);
    }

    private static void setTimes(Path path, @Nullable FileTime modified, @Nullable FileTime accessed)
            throws IOException {
        if (modified == null && accessed == null) {
            return;
        }
        BasicFileAttributeView view = Files.getFileAttributeView(path, BasicFileAttributeView.class,
                LinkOption.NOFOLLOW_LINKS);
        if (view == null) {
            throw new FuseException(FuseException.EOPNOTSUPP);
        }
        view.setTimes(modified, accessed, null);
    }

    private void resize(Node node, long handle, long size) throws IOException {
        if (size < 0) {
            throw new FuseException(FuseException.EFBIG);
        }
        if (handle != -1) {
            HandleTable.Handle open = handles.require(handle);
            if (!open.write) {
                throw new FuseException(FuseException.EBADF);
            }
            handles.file(handle).truncate(size);
            return;
        }
        Node parent = node.parent();
        if (parent == null) {
            throw new FuseException(FuseException.EISDIR);
        }
        OpenFile file = folder.open(parent, node.name(), false, true, false);
        try {
            file.truncate(size);
        } finally {
            file.release();
        }
    }

    /** Gives a new file to whoever asked for it, where this process may. */
    void own(Path path, int user, int group) throws IOException {
        if (isRoot && isUnix(path)) {
            Files.setAttribute(path, "unix:uid", user, LinkOption.NOFOLLOW_LINKS);
            Files.setAttribute(path, "unix:gid", group, LinkOption.NOFOLLOW_LINKS);
        }
    }

    byte[] readLink(Node node) throws IOException {
        return Files.readSymbolicLink(folder.path(node)).toString().getBytes(StandardCharsets.UTF_8);
    }

    void symlink(Node parent, String name, String target, int user, int group) throws IOException {
        requireWritable();
        Path path = folder.directory(parent).resolve(name);
        Files.createSymbolicLink(path, path.getFileSystem().getPath(target));
        own(path, user, group);
    }

    /** Regular files only: a device or a pipe of a guest has no business on the host. */
    void makeFile(Node parent, String name, int mode, int user, int group) throws IOException {
        requireWritable();
        int type = mode & FileAttributes.TYPE;
        if (type != FileAttributes.REGULAR && type != 0) {
            throw new FuseException(FuseException.EPERM);
        }
        folder.create(parent, name, mode & MODE_BITS).release();
        own(folder.directory(parent).resolve(name), user, group);
    }

    void makeDirectory(Node parent, String name, int mode, int user, int group) throws IOException {
        requireWritable();
        Path path = folder.directory(parent).resolve(name);
        Files.createDirectory(path);
        if (isUnix(path)) {
            Files.setAttribute(path, "unix:mode", mode & MODE_BITS, LinkOption.NOFOLLOW_LINKS);
        }
        own(path, user, group);
    }

    void remove(Node parent, String name, boolean directory) throws IOException {
        requireWritable();
        Path path = folder.directory(parent).resolve(name);
        boolean found = Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
        if (found != directory) {
            Files.readAttributes(path, java.nio.file.attribute.BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            throw new FuseException(directory ? FuseException.ENOTDIR : FuseException.EISDIR);
        }
        Files.delete(path);
        Node node = nodes.unlink(parent, name);
        if (node != null) {
            folder.forget(node);
        }
    }

    void rename(Node from, Node to, int flags, String name, String newName) throws IOException {
        requireWritable();
        if ((flags & ~RENAME_NOREPLACE) != 0) {
            throw new FuseException(FuseException.EINVAL);
        }
        Path source = folder.directory(from).resolve(name);
        Path target = folder.directory(to).resolve(newName);
        if ((flags & RENAME_NOREPLACE) != 0 && Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            throw new FuseException(FuseException.EEXIST);
        }
        CopyOption[] how = isUnix(source) ? new CopyOption[] {StandardCopyOption.ATOMIC_MOVE}
                : new CopyOption[] {StandardCopyOption.REPLACE_EXISTING};
        Files.move(source, target, how);
        Node moved = nodes.move(from, name, to, newName);
        if (moved != null) {
            folder.forget(moved);
        }
    }

    void link(Node old, Node parent, String name) throws IOException {
        requireWritable();
        Path existing = folder.path(old);
        if (Files.isSymbolicLink(existing)) {
            // The library would follow it.
            throw new FuseException(FuseException.EOPNOTSUPP);
        }
        Files.createLink(folder.directory(parent).resolve(name), existing);
    }

    void statistics(Node node, FuseReply reply) throws IOException {
        Path path = folder.directory(node.parent() == null ? node : node.parent());
        FileStore store = Files.getFileStore(path);
        long unit = 4096;
        reply.int64(store.getTotalSpace() / unit).int64(store.getUnallocatedSpace() / unit)
                .int64(store.getUsableSpace() / unit).int64(1 << 20).int64(1 << 20).int32((int) unit).int32(255)
                .int32((int) unit).zeros(28);
    }

    /** Without knowledge of holes all is data, and the hole is at the end. */
    long seek(OpenFile file, long offset, int whence) throws IOException {
        long size = file.size();
        if (whence != SEEK_DATA && whence != SEEK_HOLE) {
            throw new FuseException(FuseException.EINVAL);
        }
        if (offset < 0 || offset >= size) {
            throw new FuseException(6); // ENXIO
        }
        return whence == SEEK_DATA ? offset : size;
    }
}
