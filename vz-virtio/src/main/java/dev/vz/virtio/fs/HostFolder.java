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
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A folder of the host. Each directory is held by a descriptor that was opened in its parent, component by component and
 * never through a link, so that whatever is moved or replaced meanwhile, a name is looked up in the directory that was
 * meant. Names are reached as {@code /proc/self/fd/N/NAME}.
 */
final class HostFolder extends SharedFolder {

    /** Directories held at a time; others are opened again when they are needed. */
    private static final int MOST_HELD = 256;
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
        Node parent = node.parent();
        if (parent == null) {
            return root;
        }
        FileDescriptor known = held.get(node);
        if (known != null) {
            return known;
        }
        Path path = DESCRIPTORS.resolve(Integer.toString(descriptor(parent).value())).resolve(node.name());
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
        EnumSet<OpenFlag> flags = EnumSet.of(OpenFlag.NO_FOLLOW, OpenFlag.NONBLOCK);
        flags.add(write ? read ? OpenFlag.READ_WRITE : OpenFlag.WRITE : OpenFlag.READ);
        // A device or a pipe may do something when it is opened: looked at first, and again afterwards.
        requireRegular(parent, name);
        FileDescriptor file = FileDescriptor.open(directory(parent).resolve(name), flags.toArray(OpenFlag[]::new));
        return checked(file, truncate);
    }

    private void requireRegular(Node parent, String name) throws IOException {
        try (FileDescriptor place = FileDescriptor.open(directory(parent).resolve(name), OpenFlag.PATH,
                OpenFlag.NO_FOLLOW)) {
            if (FileStatus.of(place).kind() != FileStatus.Kind.REGULAR) {
                throw new FuseException(FuseException.EACCES);
            }
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
        held.values().forEach(FileDescriptor::close);
        held.clear();
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
        public void close() throws IOException {
            try {
                file.close();
            } catch (HostException lost) {
                throw new FuseException(lost.errno());
            }
        }
    }
}
