package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.VzException;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The server's side of the transmission phase: requests in, replies out. Of the connection's loop thread. */
final class Transmission implements ServerConnection.Phase {

    /** Descriptors in one reply to NBD_CMD_BLOCK_STATUS, over all contexts. */
    private static final int MOST_RUNS = 2048;

    private final ServerConnection connection;
    private final NbdServer server;
    private final NbdExport export;
    private final BlockDevice device;
    private final boolean readOnly;
    private final boolean structured;
    private final List<MetadataContext> contexts;
    /** A write whose data is still to come, and how much of it is there. */
    private @Nullable ServerRequest arriving;
    private int arrived;
    /** Bytes of a write's data that nobody wants. */
    private long unwanted;
    private @Nullable ServerRequest refused;

    Transmission(ServerConnection connection, NbdServer server, NbdExport export, boolean structured,
            List<MetadataContext> contexts) {
        this.connection = connection;
        this.server = server;
        this.export = export;
        this.device = export.device();
        this.readOnly = export.readOnly() || device.info().readOnly();
        this.structured = structured;
        this.contexts = contexts;
    }

    /** The transmission flags of {@code export}. */
    static int flags(NbdExport export, boolean structured) {
        BlockInfo info = export.device().info();
        int flags = Nbd.NBD_FLAG_HAS_FLAGS | Nbd.NBD_FLAG_SEND_FLUSH | Nbd.NBD_FLAG_SEND_FUA
                | Nbd.NBD_FLAG_SEND_CACHE | (info.rotational() ? Nbd.NBD_FLAG_ROTATIONAL : 0)
                | (structured ? Nbd.NBD_FLAG_SEND_DF : 0)
                | (export.multiConnection() ? Nbd.NBD_FLAG_CAN_MULTI_CONN : 0);
        if (export.readOnly() || info.readOnly()) {
            return flags | Nbd.NBD_FLAG_READ_ONLY;
        }
        return flags | Nbd.NBD_FLAG_SEND_TRIM | Nbd.NBD_FLAG_SEND_WRITE_ZEROES | Nbd.NBD_FLAG_SEND_FAST_ZERO
                | (export.device() instanceof BlockDevice.Resizable ? Nbd.NBD_FLAG_SEND_RESIZE : 0);
    }

    @Override
    public void direct(IoVectors vectors) {
        ServerRequest write = arriving;
        if (write != null && write.payload != null) {
            vectors.add(write.payload.memory(), arrived, write.length - arrived);
        }
    }

    @Override
    public int directed(int received) {
        ServerRequest write = arriving;
        if (write == null) {
            return received;
        }
        int mine = (int) Math.min(received, write.length - arrived);
        arrived += mine;
        return received - mine;
    }

    @Override
    public void advance() {
        Input input = connection.input;
        while (!connection.isEnding()) {
            if (unwanted > 0) {
                int skipped = (int) Math.min(unwanted, input.available());
                input.consume(skipped);
                unwanted -= skipped;
                if (unwanted > 0) {
                    return;
                }
            }
            if (refused != null) {
                ServerRequest request = refused;
                refused = null;
                connection.loop().finished(request);
            }
            if (arriving != null && !complete(input, arriving)) {
                return;
            }
            if (!connection.hasRoom() || input.available() < Nbd.REQUEST_BYTES) {
                return;
            }
            if (input.intAt(0) != Nbd.NBD_REQUEST_MAGIC) {
                connection.close("a request begins with " + Integer.toHexString(input.intAt(0)) + " instead of "
                        + Integer.toHexString(Nbd.NBD_REQUEST_MAGIC));
                return;
            }
            take(input);
        }
    }

    private boolean complete(Input input, ServerRequest write) {
        int rest = (int) (write.length - arrived);
        int here = Math.min(rest, input.available());
        PayloadBuffer payload = write.payload;
        if (here > 0 && payload != null) {
            input.copyTo(payload.memory(), arrived, here);
            arrived += here;
        }
        if (arrived < write.length) {
            return false;
        }
        arriving = null;
        arrived = 0;
        submit(write, Operation.WRITE);
        return true;
    }

    private void take(Input input) {
        int command = Short.toUnsignedInt(input.shortAt(6));
        if (command == Nbd.NBD_CMD_DISC) {
            connection.finish();
            return;
        }
        ServerRequest request = connection.begin();
        request.flags = Short.toUnsignedInt(input.shortAt(4));
        request.command = command;
        request.cookie = input.longAt(8);
        request.offset = input.longAt(16);
        request.length = Integer.toUnsignedLong(input.intAt(24));
        input.consume(Nbd.REQUEST_BYTES);
        int error = check(request);
        if (error == 0 && needsPayload(request)) {
            request.payload = connection.payload((int) request.length);
            if (request.payload == null) {
                error = Nbd.NBD_ENOMEM;
                request.message = "the server's memory for requests is used up";
            }
        }
        if (error != 0) {
            request.error = error;
            if (command == Nbd.NBD_CMD_WRITE) {
                unwanted = request.length; // its data comes all the same
                refused = request;
            } else {
                connection.loop().finished(request);
            }
            return;
        }
        perform(request);
    }

    private static boolean needsPayload(ServerRequest request) {
        return request.command == Nbd.NBD_CMD_READ || request.command == Nbd.NBD_CMD_WRITE
                || request.command == Nbd.NBD_CMD_CACHE;
    }

    private void perform(ServerRequest request) {
        switch (request.command) {
            case Nbd.NBD_CMD_READ -> {
                request.payloadLength = (int) request.length;
                submit(request, Operation.READ);
            }
            case Nbd.NBD_CMD_WRITE -> {
                arriving = request;
                arrived = 0;
            }
            case Nbd.NBD_CMD_CACHE -> submit(request, Operation.READ);
            case Nbd.NBD_CMD_FLUSH -> submit(request, Operation.FLUSH);
            case Nbd.NBD_CMD_TRIM -> {
                request.flushFollows = (request.flags & Nbd.NBD_CMD_FLAG_FUA) != 0;
                submit(request, Operation.DISCARD);
            }
            case Nbd.NBD_CMD_WRITE_ZEROES -> submit(request, Operation.WRITE_ZEROES);
            case Nbd.NBD_CMD_BLOCK_STATUS -> server.execute(() -> blockStatus(request));
            default -> server.execute(() -> resize(request));
        }
    }

    private void submit(ServerRequest request, Operation operation) {
        int flags = 0;
        if (operation == Operation.WRITE || operation == Operation.WRITE_ZEROES) {
            flags = (request.flags & Nbd.NBD_CMD_FLAG_FUA) != 0 ? BlockRequest.FUA : 0;
        }
        if (operation == Operation.WRITE_ZEROES) {
            flags |= ((request.flags & Nbd.NBD_CMD_FLAG_NO_HOLE) == 0 ? BlockRequest.MAY_UNMAP : 0)
                    | ((request.flags & Nbd.NBD_CMD_FLAG_FAST_ZERO) != 0 ? BlockRequest.FAST_ONLY : 0);
        }
        BlockRequest block = request.block.prepare(operation, request.offset, request.length, flags);
        PayloadBuffer payload = request.payload;
        if (payload != null) {
            block.addBuffer(payload.slice((int) request.length));
        }
        device.submit(block);
    }

    /** The error of a request that cannot be carried out, with a message; 0 for one that can be. */
    private int check(ServerRequest request) {
        int command = request.command;
        int known = Nbd.NBD_CMD_FLAG_FUA | switch (command) {
            case Nbd.NBD_CMD_READ -> structured ? Nbd.NBD_CMD_FLAG_DF : 0;
            case Nbd.NBD_CMD_WRITE_ZEROES -> Nbd.NBD_CMD_FLAG_NO_HOLE | Nbd.NBD_CMD_FLAG_FAST_ZERO;
            case Nbd.NBD_CMD_BLOCK_STATUS -> Nbd.NBD_CMD_FLAG_REQ_ONE;
            default -> 0;
        };
        if (command > Nbd.NBD_CMD_RESIZE) {
            return refuse(request, Nbd.NBD_EINVAL, "unknown command " + command);
        }
        if ((request.flags & ~known) != 0) {
            return refuse(request, Nbd.NBD_EINVAL, "unknown flags 0x" + Integer.toHexString(request.flags & ~known)
                    + " for command " + command);
        }
        boolean changes = command == Nbd.NBD_CMD_WRITE || command == Nbd.NBD_CMD_TRIM
                || command == Nbd.NBD_CMD_WRITE_ZEROES || command == Nbd.NBD_CMD_RESIZE;
        if (changes && readOnly) {
            return refuse(request, Nbd.NBD_EPERM, "the export is read-only");
        }
        return switch (command) {
            case Nbd.NBD_CMD_FLUSH -> 0;
            case Nbd.NBD_CMD_RESIZE -> checkResize(request);
            default -> checkRange(request);
        };
    }

    private int checkResize(ServerRequest request) {
        if (!(device instanceof BlockDevice.Resizable)) {
            return refuse(request, Nbd.NBD_EINVAL, "the export cannot be resized");
        }
        return request.length == 0 && request.offset >= 0 ? 0
                : refuse(request, Nbd.NBD_EINVAL, "a resize has its size as offset, and no length");
    }

    private int checkRange(ServerRequest request) {
        boolean data = needsPayload(request);
        if (data && request.length > Nbd.MAX_PAYLOAD) {
            return refuse(request, structured ? Nbd.NBD_EOVERFLOW : Nbd.NBD_EINVAL,
                    request.length + " bytes are more than the " + Nbd.MAX_PAYLOAD + " of a request");
        }
        long size = device.info().size();
        if (request.offset < 0 || request.offset > size || request.length > size - request.offset) {
            boolean writes = request.command == Nbd.NBD_CMD_WRITE || request.command == Nbd.NBD_CMD_WRITE_ZEROES;
            return refuse(request, writes ? Nbd.NBD_ENOSPC : Nbd.NBD_EINVAL, request.length + " bytes at "
                    + Long.toUnsignedString(request.offset) + " are not within " + size + " bytes");
        }
        if (request.command == Nbd.NBD_CMD_BLOCK_STATUS && (contexts.isEmpty() || request.length == 0)) {
            return refuse(request, Nbd.NBD_EINVAL, contexts.isEmpty() ? "no context was negotiated"
                    : "block status of no bytes");
        }
        return 0;
    }

    private static int refuse(ServerRequest request, int error, String message) {
        request.message = message;
        return error;
    }

    // On the server's threads for calls that block

    private void blockStatus(ServerRequest request) {
        try {
            boolean one = (request.flags & Nbd.NBD_CMD_FLAG_REQ_ONE) != 0;
            request.block.attach(StatusReply.of(request, contexts, one, MOST_RUNS / contexts.size()));
        } catch (VzException failure) {
            request.error = Nbd.NBD_EIO;
            request.message = failure.getMessage();
        }
        connection.loop().finished(request);
    }

    private void resize(ServerRequest request) {
        try {
            ((BlockDevice.Resizable) device).resize(request.offset);
        } catch (VzException failure) {
            request.error = Nbd.NBD_EINVAL;
            request.message = failure.getMessage();
        }
        connection.loop().finished(request);
    }

    // Back on the loop's thread

    void reply(ServerRequest request, Sender sender) {
        boolean read = request.command == Nbd.NBD_CMD_READ;
        if (request.error != 0) {
            // A client that negotiated structured replies learns more from a chunk.
            sender.add(request.head, structured ? request.errorChunk() : request.simpleReply(), request);
        } else if (request.block.attachment() instanceof MemorySegment status) {
            request.block.attach(null);
            sender.add(status, (int) status.byteSize(), request);
        } else if (read && request.payload != null) {
            int head = request.simpleReply();
            if (structured) {
                // Nothing was read: the protocol has no data chunk without data.
                head = request.payloadLength == 0 ? request.chunk(Nbd.NBD_REPLY_TYPE_NONE, 0)
                        : request.chunk(Nbd.NBD_REPLY_TYPE_OFFSET_DATA, 8 + request.payloadLength);
                if (request.payloadLength > 0) {
                    request.head.set(Nbd.LONG, head, request.offset);
                    head += 8;
                }
            }
            sender.add(request.head, head, null);
            sender.add(request.payload.memory(), request.payloadLength, request);
        } else {
            sender.add(request.head, request.simpleReply(), request);
        }
    }

    /** The connection is gone: a request whose data will never come is over. */
    void abandon() {
        ServerRequest write = arriving;
        arriving = null;
        if (write != null) {
            write.released();
        }
        ServerRequest late = refused;
        refused = null;
        if (late != null) {
            late.released();
        }
    }

    @Override
    public String toString() {
        return "transmission of " + export.name();
    }
}
