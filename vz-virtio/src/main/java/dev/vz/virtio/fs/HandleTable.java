package dev.vz.virtio.fs;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the guest has open: files, and directories with their names as they were when reading began. */
final class HandleTable {

    /** Handles at a time. */
    static final int MOST = 4096;
    /** Names that all open directories hold together. */
    static final int MOST_NAMES = 1 << 20;

    /** An open file or directory. */
    static final class Handle {
        final Node node;
        final boolean read;
        final boolean write;
        final @Nullable OpenFile file;
        @Nullable
        List<String> names;

        Handle(Node node, boolean read, boolean write, @Nullable OpenFile file) {
            this.node = node;
            this.read = read;
            this.write = write;
            this.file = file;
        }
    }

    private final Map<Long, Handle> handles = new HashMap<>();
    private long next = 1;
    private int names;

    Map<Long, Handle> all() {
        return handles;
    }

    void checkRoom() throws FuseException {
        if (handles.size() >= MOST) {
            throw new FuseException(FuseException.EMFILE);
        }
    }

    long add(Handle handle) {
        handles.put(next, handle);
        return next++;
    }

    void restore(long id, Handle handle) {
        handles.put(id, handle);
        next = Math.max(next, id + 1);
    }

    Handle require(long id) throws FuseException {
        Handle handle = handles.get(id);
        if (handle == null) {
            throw new FuseException(FuseException.EBADF);
        }
        return handle;
    }

    OpenFile file(long id) throws FuseException {
        OpenFile file = require(id).file;
        if (file == null) {
            throw new FuseException(FuseException.EISDIR);
        }
        return file;
    }

    /** The names of an open directory, read again where the guest starts again. */
    List<String> names(Handle handle, Path directory, boolean again) throws IOException {
        List<String> known = handle.names;
        if (known != null && !again) {
            return known;
        }
        names -= known == null ? 0 : known.size();
        handle.names = null;
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            for (Path path : stream) {
                if (names + found.size() >= MOST_NAMES) {
                    throw new FuseException(FuseException.ENFILE);
                }
                String name = String.valueOf(path.getFileName());
                found.add(name.endsWith("/") ? name.substring(0, name.length() - 1) : name);
            }
        } catch (DirectoryIteratorException failure) {
            throw failure.getCause();
        }
        names += found.size();
        handle.names = found;
        return found;
    }

    void release(long id) throws IOException {
        Handle handle = handles.remove(id);
        if (handle == null) {
            throw new FuseException(FuseException.EBADF);
        }
        List<String> known = handle.names;
        names -= known == null ? 0 : known.size();
        if (handle.file != null) {
            handle.file.release();
        }
    }

    void clear() {
        for (Long id : List.copyOf(handles.keySet())) {
            try {
                release(id);
            } catch (IOException lost) {
                System.getLogger(HandleTable.class.getName()).log(System.Logger.Level.WARNING,
                        "A file that a guest had open could not be closed properly", lost);
            }
        }
    }
}
