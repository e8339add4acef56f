package dev.vz.virtio.fs;

import dev.vz.error.ConfigurationException;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that guests may see. Closing it releases what it holds of the host, never the files. */
public abstract sealed class SharedFolder implements AutoCloseable permits HostFolder, ArchiveFolder {

    private final boolean readOnly;

    SharedFolder(boolean readOnly) {
        this.readOnly = readOnly;
    }

    /**
     * {@code folder} and everything in it. A folder of the host's own file system is held by descriptor; one of another
     * {@link java.nio.file.FileSystem}, a zip for example, by path. The file system stays the caller's.
     *
     * @param readOnly whether guests may change nothing
     */
    public static SharedFolder of(Path folder, boolean readOnly) {
        if (!Files.isDirectory(folder)) {
            throw new ConfigurationException("Cannot share " + folder + ": it is no folder");
        }
        boolean cannotWrite = readOnly || folder.getFileSystem().isReadOnly();
        return folder.getFileSystem().equals(FileSystems.getDefault())
                ? new HostFolder(folder, cannotWrite)
                : new ArchiveFolder(folder, cannotWrite);
    }

    /** Whether guests may change nothing. */
    public boolean isReadOnly() {
        return readOnly;
    }

    /** Where the directory {@code node} is, for calls that do not follow links. Valid until the next call. */
    abstract Path directory(Node node) throws IOException;

    /** Opens the regular file {@code name} of {@code parent}. */
    abstract OpenFile open(Node parent, String name, boolean read, boolean write, boolean truncate) throws IOException;

    /** Creates and opens a file that is not there yet; {@code mode} has the permission bits. */
    abstract OpenFile create(Node parent, String name, int mode) throws IOException;

    /** The guest does not know {@code node}, below which it knows nothing, any more. */
    abstract void release(Node node);

    /** The guest knows nothing any more but the root. */
    abstract void releaseAll();

    /** The node has moved or is gone: whatever is held for it and below is out of date. */
    abstract void forget(Node node);

    /** Where {@code node} is, directory or not. */
    Path path(Node node) throws IOException {
        Node parent = node.parent();
        return parent == null ? directory(node) : directory(parent).resolve(node.name());
    }

    @Override
    public abstract void close();
}
