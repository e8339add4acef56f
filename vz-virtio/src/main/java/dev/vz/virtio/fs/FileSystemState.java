package dev.vz.virtio.fs;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What a shared folder's device remembers beside its queues: what the guest holds, by names within the folder. Files are
 * opened again when it is restored; a name that is gone by then gives an error when the guest uses it.
 *
 * @param features what was agreed on with the driver
 * @param nodes    files that the guest knows, directories before what is in them
 * @param handles  files and directories that it has open
 */
@StateVersion(1)
public record FileSystemState(long features, List<SavedNode> nodes, List<SavedHandle> handles) {

    /** Keeps copies. */
    public FileSystemState {
        nodes = List.copyOf(nodes);
        handles = List.copyOf(handles);
    }

    /**
     * A file that the guest knows.
     *
     * @param id      its number
     * @param parent  the number of the directory it is in
     * @param name    in that directory
     * @param lookups references that the guest holds
     * @param linked  whether it still has that name
     */
    @StateVersion(1)
    public record SavedNode(long id, long parent, String name, long lookups, boolean linked) {}

    /**
     * An open file or directory.
     *
     * @param id    the handle's number
     * @param node  the number of the file
     * @param read  whether it is open for reading
     * @param write whether it is open for writing
     * @param file  whether it is a file rather than a directory
     */
    @StateVersion(1)
    public record SavedHandle(long id, long node, boolean read, boolean write, boolean file) {}
}
