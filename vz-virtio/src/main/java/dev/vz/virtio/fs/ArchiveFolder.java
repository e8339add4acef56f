package dev.vz.virtio.fs;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;

/**
 * A folder of a file system that is not the host's own: an archive, or one in memory. Directories are reached by their
 * paths, which is as safe as that file system is: nobody but this process changes it.
 */
final class ArchiveFolder extends SharedFolder {

    /** Bytes of a file that can be changed in place. */
    private static final long MOST_KEPT = 64 << 20;

    private final Path root;

    ArchiveFolder(Path root, boolean readOnly) {
        super(readOnly);
        this.root = root;
    }

    @Override
    Path directory(Node node) {
        Node parent = node.parent();
        return parent == null ? root : directory(parent).resolve(node.name());
    }

    @Override
    OpenFile open(Node parent, String name, boolean read, boolean write, boolean truncate) throws IOException {
        Path path = directory(parent).resolve(name);
        if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new FuseException(Files.isDirectory(path) ? FuseException.EISDIR : FuseException.EACCES);
        }
        Set<OpenOption> options = new HashSet<>();
        if (read || !write) {
            options.add(StandardOpenOption.READ);
        }
        if (write) {
            options.add(StandardOpenOption.WRITE);
        }
        if (truncate) {
            options.add(StandardOpenOption.TRUNCATE_EXISTING);
        }
        return new ChannelFile(write && !truncate ? keeping(path, options) : Files.newByteChannel(path, options));
    }

    /** An archive begins a file that is opened for writing anew; what it held is put back first. */
    private static SeekableByteChannel keeping(Path path, Set<OpenOption> options) throws IOException {
        long size = Files.size(path);
        if (size > MOST_KEPT) {
            throw new FuseException(FuseException.EFBIG);
        }
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(path));
        SeekableByteChannel channel = Files.newByteChannel(path, options);
        if (channel.size() == 0) {
            while (content.hasRemaining()) {
                channel.write(content);
            }
        }
        return channel;
    }

    @Override
    OpenFile create(Node parent, String name, int mode) throws IOException {
        Path path = directory(parent).resolve(name);
        // Closed once: in an archive a file is there when its first writer has closed it.
        Files.newByteChannel(path, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)).close();
        return new ChannelFile(Files.newByteChannel(path, Set.of(StandardOpenOption.WRITE)));
    }

    @Override
    void release(Node node) {
        // Nothing is held.
    }

    @Override
    void releaseAll() {
        // Nothing is held.
    }

    @Override
    void forget(Node node) {
        // Nothing is held.
    }

    @Override
    public void close() {
        // The file system is the caller's.
    }

    private static final class ChannelFile implements OpenFile {
        private final SeekableByteChannel channel;

        ChannelFile(SeekableByteChannel channel) {
            this.channel = channel;
        }

        private ByteBuffer buffer(long position, MemorySegment segment, long offset, int length) throws IOException {
            channel.position(position);
            return segment.asSlice(offset, length).asByteBuffer();
        }

        @Override
        public int read(long position, MemorySegment target, long offset, int length) throws IOException {
            ByteBuffer buffer = buffer(position, target, offset, length);
            int done = 0;
            while (buffer.hasRemaining()) {
                int got = channel.read(buffer);
                if (got < 0) {
                    break;
                }
                done += got;
            }
            return done;
        }

        @Override
        public int write(long position, MemorySegment source, long offset, int length) throws IOException {
            return channel.write(buffer(position, source, offset, length));
        }

        @Override
        public void truncate(long size) throws IOException {
            if (size > channel.size()) {
                throw new FuseException(FuseException.EOPNOTSUPP);
            }
            channel.truncate(size);
        }

        @Override
        public void sync() throws IOException {
            if (channel instanceof FileChannel file) {
                file.force(true);
            }
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void release() throws IOException {
            channel.close();
        }
    }
}
