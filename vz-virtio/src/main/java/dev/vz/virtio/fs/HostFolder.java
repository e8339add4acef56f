package dev.vz.virtio.fs;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.FileSpace;
import dev.vz.linux.file.FileStatus;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A folder of the host. Each directory is held by a descriptor that was opened in its parent, component by component and
 * never through a link, so that whatever is moved or replaced meanwhile, a name is looked up in the directory that was
 * meant. Names are reached as {@code /proc/self/fd/N/NAME}.
 */
final class HostFolder extends SharedFolder {

    /** Directories held at a time; others are opened again when they are needed. */
    private static final int MOST_HELD = 256;
    /** Directories that are opened one in the other to reach one. */
    private static final int MOST_DEEP = 1024;
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    private final FileDescriptor root;
    /** In the order of their last use. */
    private final Map<Node, FileDescriptor> held = new LinkedHashMap<>(16, 0.75f, true);

    HostFolder(Path folder, boolean readOnly) {
        super(readOnly);
        root = FileDescriptor.open(folder, OpenFlag.PATH, OpenFlag.DIRECTORY);
    }

    @Override
    Path directory(Node node) throws IOException {
        return DESCRIPTORS.resolve(Integer.toString(descriptor(node).value())).resolve(".");
    }

    private FileDescriptor descriptor(Node node) throws IOException {
        // From the node up to what is held, then down again: a guest decides how deep its folders are, so no recursion.
        var below = new ArrayDeque<Node>();
        FileDescriptor at = root;
        for (Node up = node; up.parent() != null; up = Objects.requireNonNull(up.parent())) {
            FileDescriptor known = held.get(up);
            if (known != null) {
                at = known;
                break;
            }
            if (below.size() == MOST_DEEP) {
                throw new FuseException(FuseException.ENAMETOOLONG);
            }
            below.push(up);
        }
        for (Node down : below) {
            at = open(at, down);
        }
        return at;
    }

    private FileDescriptor open(FileDescriptor parent, Node node) {
        Path path = DESCRIPTORS.resolve(Integer.toString(parent.value())).resolve(node.name());
        FileDescriptor opened = FileDescriptor.open(path, OpenFlag.PATH, OpenFlag.DIRECTORY, OpenFlag.NO_FOLLOW);
        held.put(node, opened);
        if (held.size() > MOST_HELD) {
            Iterator<FileDescriptor> oldest = held.values().iterator();
            FileDescriptor first = oldest.next();
            oldest.remove();
            first.close();
        }
        return opened;
    }

    @Override
    OpenFile open(Node parent, String name, boolean read, boolean write, boolean truncate) throws IOException {
        OpenFlag access = write ? read ? OpenFlag.READ_WRITE : OpenFlag.WRITE : OpenFlag.READ;
        // A device or a pipe may do something when it is opened. So the place is looked at first, and then what was
        // looked at is opened, by its descriptor: the name may mean something else by now.
        try (FileDescriptor place = FileDescriptor.open(directory(parent).resolve(name), OpenFlag.PATH,
                OpenFlag.NO_FOLLOW)) {
            if (FileStatus.of(place).kind() != FileStatus.Kind.REGULAR) {
                throw new FuseException(FuseException.EACCES);
            }
            return checked(FileDescriptor.open(DESCRIPTORS.resolve(Integer.toString(place.value())), access,
                    OpenFlag.NONBLOCK), truncate);
        }
    }

    private static OpenFile checked(FileDescriptor file, boolean truncate) throws IOException {
        try {
            if (FileStatus.of(file).kind() != FileStatus.Kind.REGULAR) {
                throw new FuseException(FuseException.EACCES);
            }
            if (truncate) {
                FileSpace.resize(file, 0);
            }
            return new HostFile(file);
        } catch (IOException | RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    @Override
    OpenFile create(Node parent, String name, int mode) throws IOException {
        FileDescriptor file = FileDescriptor.open(directory(parent).resolve(name), mode & 0777, OpenFlag.READ_WRITE,
                OpenFlag.CREATE, OpenFlag.EXCLUSIVE, OpenFlag.NO_FOLLOW);
        return checked(file, false);
    }

    @Override
    void release(Node node) {
        FileDescriptor descriptor = held.remove(node);
        if (descriptor != null) {
            descriptor.close();
        }
    }

    @Override
    void releaseAll() {
        held.values().forEach(FileDescriptor::close);
        held.clear();
    }

    @Override
    void forget(Node node) {
        List<Node> stale = new ArrayList<>();
        for (Node known : held.keySet()) {
            if (known.isIn(node)) {
                stale.add(known);
            }
        }
        for (Node known : stale) {
            FileDescriptor descriptor = held.remove(known);
            if (descriptor != null) {
                descriptor.close();
            }
        }
    }

    @Override
    public void close() {
        releaseAll();
        root.close();
    }

    private static final class HostFile implements OpenFile {
        private final FileDescriptor file;

        HostFile(FileDescriptor file) {
            this.file = file;
        }

        @Override
        public int read(long position, MemorySegment target, long offset, int length) throws IOException {
            long result;
            do {
                result = FileIo.pread(file, position, target, offset, length);
            } while (result == -Errno.EINTR);
            return checked(result);
        }

        @Override
        public int write(long position, MemorySegment source, long offset, int length) throws IOException {
            long result;
            do {
                result = FileIo.pwrite(file, position, source, offset, length);
            } while (result == -Errno.EINTR);
            return checked(result);
        }

        private static int checked(long result) throws FuseException {
            if (result < 0) {
                throw new FuseException((int) -result);
            }
            return (int) result;
        }

        @Override
        public void truncate(long size) {
            FileSpace.resize(file, size);
        }

        @Override
        public void sync() {
            FileSpace.sync(file);
        }

        @Override
        public long size() {
            return FileStatus.of(file).size();
        }

        @Override
        public void release() throws IOException {
            try {
                file.close();
            } catch (HostException lost) {
                throw new FuseException(lost.errno());
            }
        }
    }
}
