package dev.vz.virtio.fs;

import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * One guest's FUSE session: requests of protocol version 7.31 and what they do to nodes and handles. Used by one thread at
 * a time.
 */
final class FuseSession implements AutoCloseable {

    static final int LOOKUP = 1;
    static final int FORGET = 2;
    static final int GETATTR = 3;
    static final int SETATTR = 4;
    static final int READLINK = 5;
    static final int SYMLINK = 6;
    static final int MKNOD = 8;
    static final int MKDIR = 9;
    static final int UNLINK = 10;
    static final int RMDIR = 11;
    static final int RENAME = 12;
    static final int LINK = 13;
    static final int OPEN = 14;
    static final int READ = 15;
    static final int WRITE = 16;
    static final int STATFS = 17;
    static final int RELEASE = 18;
    static final int FSYNC = 20;
    static final int FLUSH = 25;
    static final int INIT = 26;
    static final int OPENDIR = 27;
    static final int READDIR = 28;
    static final int RELEASEDIR = 29;
    static final int FSYNCDIR = 30;
    static final int ACCESS = 34;
    static final int CREATE = 35;
    static final int INTERRUPT = 36;
    static final int DESTROY = 38;
    static final int BATCH_FORGET = 42;
    static final int READDIRPLUS = 44;
    static final int RENAME2 = 45;
    static final int LSEEK = 46;

    private static final int VERSION = 7;
    private static final int MINOR = 31;
    /** The most bytes of one read or write. */
    static final int MOST_DATA = 1 << 20;
    private static final int MOST_FORGET = 65536;

    private static final int WRITE_MASK = 3;
    private static final int O_TRUNC = 01000;

    /** Flags of INIT that are agreed to: big writes, reading directories with attributes. */
    private static final int ASYNC_READ = 1;
    private static final int BIG_WRITES = 1 << 5;
    private static final int DO_READDIRPLUS = 1 << 13;
    private static final int READDIRPLUS_AUTO = 1 << 14;
    private static final int PARALLEL_DIROPS = 1 << 18;
    private static final int MAX_PAGES = 1 << 22;
    private static final int FLAGS = ASYNC_READ | BIG_WRITES | DO_READDIRPLUS | READDIRPLUS_AUTO | PARALLEL_DIROPS
            | MAX_PAGES;

    private final SharedFolder folder;
    private final NodeTable nodes = new NodeTable();
    private final HandleTable handles = new HandleTable();
    private final FuseReply reply = new FuseReply();
    private final Changes changes;
    private final ByteBuffer listing = ByteBuffer.allocate(64 << 10).order(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment listingSegment = MemorySegment.ofArray(listing.array());

    FuseSession(SharedFolder folder) {
        this.folder = folder;
        this.changes = new Changes(folder, nodes, handles);
    }

    NodeTable nodes() {
        return nodes;
    }

    HandleTable handles() {
        return handles;
    }

    SharedFolder folder() {
        return folder;
    }

    /** Does what a request says, and answers it; {@code false} if the guest gave no room for the answer. */
    boolean handle(FuseReader in, ChainReader reader, ChainWriter writer, ChainWriter data) {
        long unique = 0;
        int opcode = 0;
        try {
            long length = in.int32() & 0xFFFF_FFFFL;
            opcode = in.int32();
            unique = in.int64();
            long id = in.int64();
            int user = in.int32();
            int group = in.int32();
            in.skip(8);
            if (length != reader.remaining() + 40) {
                throw new FuseException(FuseException.EINVAL);
            }
            return switch (opcode) {
                case FORGET -> forget(id, in.int64());
                case BATCH_FORGET -> forgetAll(in);
                // What it would interrupt is done by the time it is read.
                case INTERRUPT -> true;
                case READ -> read(in, writer, data, unique);
                case READDIR, READDIRPLUS -> list(in, writer, unique, opcode == READDIRPLUS);
                default -> {
                    reply.begin();
                    answer(opcode, id, in, user, group);
                    yield reply.send(writer, unique);
                }
            };
        } catch (IOException | RuntimeException failure) {
            return opcode == FORGET || opcode == BATCH_FORGET
                    || reply.sendError(writer, unique, FuseException.errno(failure));
        }
    }

    private void answer(int opcode, long id, FuseReader in, int user, int group) throws IOException {
        switch (opcode) {
            case INIT -> init(in);
            case DESTROY -> clear();
            case LOOKUP -> lookUp(nodes.require(id), in.name());
            case GETATTR -> attributes(nodes.require(id));
            case SETATTR -> {
                changes.setAttributes(nodes.require(id), in);
                attributes(nodes.require(id));
            }
            case READLINK -> reply.bytes(changes.readLink(nodes.require(id)));
            case SYMLINK -> {
                String name = in.name();
                changes.symlink(nodes.require(id), name, in.target(), user, group);
                lookUp(nodes.require(id), name);
            }
            case MKNOD -> {
                int mode = in.int32();
                in.skip(12);
                String name = in.name();
                changes.makeFile(nodes.require(id), name, mode, user, group);
                lookUp(nodes.require(id), name);
            }
            case MKDIR -> {
                int mode = in.int32() & ~in.int32();
                String name = in.name();
                changes.makeDirectory(nodes.require(id), name, mode, user, group);
                lookUp(nodes.require(id), name);
            }
            case UNLINK -> changes.remove(nodes.require(id), in.name(), false);
            case RMDIR -> changes.remove(nodes.require(id), in.name(), true);
            case RENAME -> changes.rename(nodes.require(id), nodes.require(in.int64()), 0, in.name(), in.name());
            case RENAME2 -> {
                Node to = nodes.require(in.int64());
                int flags = in.int32();
                in.skip(4);
                changes.rename(nodes.require(id), to, flags, in.name(), in.name());
            }
            case LINK -> {
                Node old = nodes.require(in.int64());
                String name = in.name();
                changes.link(old, nodes.require(id), name);
                lookUp(nodes.require(id), name);
            }
            case OPEN -> opened(open(nodes.require(id), in.int32()));
            case CREATE -> {
                int flags = in.int32();
                int mode = in.int32() & ~in.int32();
                in.skip(4);
                create(nodes.require(id), in.name(), flags, mode, user, group);
            }
            case WRITE -> write(in);
            case RELEASE, RELEASEDIR -> handles.release(in.int64());
            case FLUSH -> handles.require(in.int64());
            case FSYNC -> handles.file(in.int64()).sync();
            case FSYNCDIR -> handles.require(in.int64());
            case OPENDIR -> openDirectory(nodes.require(id));
            case STATFS -> changes.statistics(nodes.require(id), reply);
            case ACCESS -> nodes.require(id);
            case LSEEK -> reply.int64(changes.seek(handles.file(in.int64()), in.int64(), in.int32()));
            default -> throw new FuseException(FuseException.ENOSYS);
        }
    }

    private void init(FuseReader in) throws FuseException {
        int major = in.int32();
        in.skip(4);
        int readAhead = in.int32();
        int flags = in.int32() & FLAGS;
        if (major != VERSION) {
            throw new FuseException(FuseException.EINVAL);
        }
        // A driver that begins again has forgotten everything.
        clear();
        reply.int32(VERSION).int32(MINOR).int32(readAhead).int32(flags).int16(64).int16(48).int32(MOST_DATA).int32(1)
                .int16(MOST_DATA / 4096).int16(0).zeros(32);
    }

    private boolean forget(long id, long count) {
        nodes.forget(id, count).forEach(folder::release);
        return true;
    }

    private boolean forgetAll(FuseReader in) throws FuseException {
        int count = in.int32();
        in.skip(4);
        for (int i = 0; i < count && i < MOST_FORGET; i++) {
            forget(in.int64(), in.int64());
        }
        return true;
    }

    private void attributes(Node node) throws IOException {
        reply.attrOut(node, changes.attributes(node));
    }

    private void lookUp(Node parent, String name) throws IOException {
        FileAttributes attributes = FileAttributes.of(folder.directory(parent).resolve(name), folder.isReadOnly());
        reply.entry(nodes.look(parent, name), attributes);
    }

    // --------------------------------------------------------------------------------------------------- files

    private long open(Node node, int flags) throws IOException {
        handles.checkRoom();
        boolean write = (flags & WRITE_MASK) != 0;
        boolean read = (flags & WRITE_MASK) != 1;
        boolean truncate = (flags & O_TRUNC) != 0;
        if (folder.isReadOnly() && (write || truncate)) {
            throw new FuseException(FuseException.EROFS);
        }
        Node parent = node.parent();
        if (parent == null) {
            throw new FuseException(FuseException.EISDIR);
        }
        OpenFile file = folder.open(parent, node.name(), read, write, truncate && write);
        return handles.add(new HandleTable.Handle(node, read, write, file));
    }

    private void opened(long handle) {
        reply.int64(handle).int32(0).int32(0);
    }

    private void create(Node parent, String name, int flags, int mode, int user, int group) throws IOException {
        handles.checkRoom();
        if (folder.isReadOnly()) {
            throw new FuseException(FuseException.EROFS);
        }
        OpenFile file = folder.create(parent, name, mode);
        changes.own(folder.directory(parent).resolve(name), user, group);
        lookUp(parent, name);
        Node node = nodes.look(parent, name);
        node.lookups--;
        opened(handles.add(new HandleTable.Handle(node, (flags & WRITE_MASK) != 1, true, file)));
    }

    private boolean read(FuseReader in, ChainWriter writer, ChainWriter data, long unique) throws IOException {
        HandleTable.Handle handle = handles.require(in.int64());
        long position = in.int64();
        long size = in.int32() & 0xFFFF_FFFFL;
        OpenFile file = handle.file;
        if (file == null || !handle.read) {
            throw new FuseException(file == null ? FuseException.EISDIR : FuseException.EBADF);
        }
        if (position < 0 || !data.advance(FuseReply.HEADER)) {
            throw new FuseException(FuseException.EINVAL);
        }
        int wanted = (int) Math.min(Math.min(size, MOST_DATA), data.remaining());
        int done = 0;
        while (done < wanted) {
            int here = Math.min(wanted - done, data.contiguous());
            int got = file.read(position + done, data.segment(), data.offset(), here);
            if (got <= 0) {
                break;
            }
            data.advance(got);
            done += got;
        }
        boolean sent = reply.sendHeader(writer, unique, done);
        writer.advance(done);
        return sent;
    }

    private void write(FuseReader in) throws IOException {
        HandleTable.Handle handle = handles.require(in.int64());
        long position = in.int64();
        long size = in.int32() & 0xFFFF_FFFFL;
        in.skip(20);
        OpenFile file = handle.file;
        ChainReader reader = in.chain();
        if (file == null || !handle.write) {
            throw new FuseException(FuseException.EBADF);
        }
        if (position < 0 || size > MOST_DATA || size > reader.remaining()) {
            throw new FuseException(FuseException.EINVAL);
        }
        int done = 0;
        while (done < size) {
            int here = (int) Math.min(size - done, reader.contiguous());
            int put = file.write(position + done, reader.segment(), reader.offset(), here);
            reader.skip(put);
            done += put;
            if (put < here) {
                break;
            }
        }
        reply.int32(done).int32(0);
    }

    // --------------------------------------------------------------------------------------------- directories

    private void openDirectory(Node node) throws IOException {
        handles.checkRoom();
        if (!changes.attributes(node).isDirectory()) {
            throw new FuseException(FuseException.ENOTDIR);
        }
        opened(handles.add(new HandleTable.Handle(node, true, false, null)));
    }

    private boolean list(FuseReader in, ChainWriter writer, long unique, boolean plus) throws IOException {
        HandleTable.Handle handle = handles.require(in.int64());
        long from = in.int64();
        long size = in.int32() & 0xFFFF_FFFFL;
        if (handle.file != null || from < 0) {
            throw new FuseException(FuseException.ENOTDIR);
        }
        List<String> names = handles.names(handle, folder.directory(handle.node), from == 0);
        listing.clear().limit((int) Math.min(Math.min(size, listing.capacity()),
                Math.max(0, writer.remaining() - FuseReply.HEADER)));
        for (long at = from; at < names.size() + 2L; at++) {
            // Entries with attributes would each be one more reference to count: the guest looks up what it needs.
            String name = at == 0 ? "." : at == 1 ? ".." : names.get((int) at - 2);
            if (reply.directoryEntry(listing, at + 1, name, -1, 0, plus) == 0) {
                break;
            }
        }
        reply.begin();
        int length = listing.position();
        return reply.sendHeader(writer, unique, length) && writer.write(listingSegment, 0, length);
    }

    void clear() {
        handles.clear();
        folder.releaseAll();
        nodes.clear();
    }

    @Override
    public void close() {
        clear();
        folder.close();
    }
}
