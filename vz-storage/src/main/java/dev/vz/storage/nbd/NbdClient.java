package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.linux.Errno;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * An export of an NBD server as a block device.
 *
 * <p>
 * Requests may come from any thread and spread over the connections; completions run on the connections' threads and
 * must not wait for other requests. What the server cannot do is done in its place: a flush after a write that should be
 * durable, zeros as data. A request that is longer than the server takes goes out in parts. A broken connection fails its
 * requests with {@link BlockResult#IO_ERROR}.
 */
public sealed class NbdClient implements BlockDevice permits ResizableNbdClient {

    /** Longest discard, zeroing or query in one request: the wire has 32 bits, and this is aligned to everything. */
    private static final long LONGEST_RANGE = 1L << 31;

    private final NbdUri uri;
    private final NbdClientOptions options;
    private final ExportInfo export;
    private final List<ClientConnection> connections = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile BlockInfo info;
    private volatile boolean closing;

    NbdClient(NbdUri uri, NbdClientOptions options, ExportInfo export, Channel first) {
        this.uri = uri;
        this.options = options;
        this.export = export;
        this.info = describe(export.size());
        connections.add(new ClientConnection(uri, first, export, options.depth(), "vz-nbd-client-0"));
    }

    /**
     * Connects to the export that {@code uri} names.
     *
     * @throws HostException       if nobody listens there, or the server hangs up or does not answer in time
     * @throws CapabilityException if the server has no such export or refuses it
     * @throws dev.vz.error.FormatException if it does not follow the protocol
     */
    public static NbdClient open(NbdUri uri, NbdClientOptions options) {
        Handshake handshake = Handshake.begin(uri, options);
        NbdClient client;
        try {
            ExportInfo export = handshake.go();
            client = export.canResize() && !export.readOnly()
                    ? new ResizableNbdClient(uri, options, export, handshake.release())
                    : new NbdClient(uri, options, export, handshake.release());
        } catch (RuntimeException | Error failure) {
            handshake.close();
            throw failure;
        }
        try {
            client.connectMore();
            return client;
        } catch (RuntimeException | Error failure) {
            client.close();
            throw failure;
        }
    }

    private void connectMore() {
        int count = export.canMultiConn() ? options.connections() : 1;
        for (int i = 1; i < count; i++) {
            Handshake handshake = Handshake.begin(uri, options);
            try {
                ExportInfo again = handshake.go();
                if (again.size() != export.size() || again.flags() != export.flags()
                        || !again.contexts().equals(export.contexts())) {
                    throw new HostException("opening a second connection", uri.toString(), Errno.EPROTO, "EPROTO",
                            "the server describes the export differently: " + again + " after " + export);
                }
                connections.add(new ClientConnection(uri, handshake.release(), again, options.depth(),
                        "vz-nbd-client-" + i));
            } catch (RuntimeException | Error failure) {
                handshake.close();
                throw failure;
            }
        }
    }

    /** The exports of a server, with what it says about each. */
    public static List<ExportInfo> list(NbdUri uri, NbdClientOptions options) {
        var found = new ArrayList<ExportInfo>();
        List<ExportInfo> names;
        try (Handshake handshake = Handshake.begin(uri, options)) {
            names = handshake.list();
            handshake.abort();
        }
        for (ExportInfo named : names) {
            var one = new NbdUri(uri.host(), uri.port(), uri.socket(), named.name(), uri.tls(), uri.certificates());
            found.add(describe(one, options).withDescription(named.description()));
        }
        return found;
    }

    /** What a server says about one export, without using it. */
    public static ExportInfo describe(NbdUri uri, NbdClientOptions options) {
        try (Handshake handshake = Handshake.begin(uri, options)) {
            ExportInfo info = handshake.info();
            handshake.abort();
            return info;
        }
    }

    /** The names of the contexts that can be asked about. */
    public static List<String> contexts(NbdUri uri, NbdClientOptions options) {
        try (Handshake handshake = Handshake.begin(uri, options)) {
            List<String> names = handshake.listContexts();
            handshake.abort();
            return names;
        }
    }

    private BlockInfo describe(long size) {
        int block = Math.max(export.minimumBlock(), size % 512 == 0 && export.minimumBlock() > 1 ? 512 : 1);
        int logical = size % block == 0 ? block : 1;
        return new BlockInfo(size, logical, Math.max(export.preferredBlock(), logical), 0, export.readOnly(),
                export.canTrim() ? Math.max(export.preferredBlock(), 512) : 0, export.maximumPayload(),
                export.rotational());
    }

    void resized(long size) {
        info = describe(size);
    }

    /** What the server said about the export when it was opened. */
    public ExportInfo export() {
        return export;
    }

    @Override
    public BlockInfo info() {
        return info;
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult bad = request.check(info.size());
        if (bad != null) {
            request.complete(bad);
            return;
        }
        if (export.readOnly() && request.operation() != Operation.READ && request.operation() != Operation.FLUSH) {
            request.complete(BlockResult.READ_ONLY);
            return;
        }
        if (closing) {
            request.complete(BlockResult.CANCELLED);
            return;
        }
        switch (request.operation()) {
            case READ, WRITE -> transfer(request);
            case FLUSH -> {
                if (export.canFlush()) {
                    send(request, Nbd.NBD_CMD_FLUSH, 0);
                } else {
                    request.complete(BlockResult.OK);
                }
            }
            case DISCARD -> discard(request);
            case WRITE_ZEROES -> zero(request);
        }
    }

    private void transfer(BlockRequest request) {
        boolean write = request.operation() == Operation.WRITE;
        boolean flush = write && request.has(BlockRequest.FUA) && !export.canFua();
        if (request.length() == 0 && !flush) {
            request.complete(BlockResult.OK);
        } else if (request.length() > export.maximumPayload() || flush || !isNative(request)) {
            SplitRequest.of(this, request, export.maximumPayload(), flush);
        } else {
            send(request, write ? Nbd.NBD_CMD_WRITE : Nbd.NBD_CMD_READ,
                    request.has(BlockRequest.FUA) && write ? Nbd.NBD_CMD_FLAG_FUA : 0);
        }
    }

    private static boolean isNative(BlockRequest request) {
        for (int i = 0; i < request.bufferCount(); i++) {
            if (!request.segment(i).isNative()) {
                return false;
            }
        }
        return true;
    }

    private void discard(BlockRequest request) {
        if (!export.canTrim() || request.length() == 0) {
            request.complete(BlockResult.OK);
        } else if (request.length() > LONGEST_RANGE) {
            SplitRequest.of(this, request, LONGEST_RANGE, false);
        } else {
            send(request, Nbd.NBD_CMD_TRIM, 0);
        }
    }

    private void zero(BlockRequest request) {
        boolean flush = request.has(BlockRequest.FUA) && !export.canFua();
        boolean fastOnly = request.has(BlockRequest.FAST_ONLY);
        if (fastOnly && !export.canFastZero()) {
            request.complete(BlockResult.NOT_FAST);
        } else if (request.length() == 0 && !flush) {
            request.complete(BlockResult.OK);
        } else if (!export.canZero() || flush || request.length() > LONGEST_RANGE) {
            SplitRequest.of(this, request, LONGEST_RANGE, flush);
        } else {
            send(request, Nbd.NBD_CMD_WRITE_ZEROES, (request.has(BlockRequest.FUA) ? Nbd.NBD_CMD_FLAG_FUA : 0)
                    | (request.has(BlockRequest.MAY_UNMAP) ? 0 : Nbd.NBD_CMD_FLAG_NO_HOLE)
                    | (fastOnly ? Nbd.NBD_CMD_FLAG_FAST_ZERO : 0));
        }
    }

    void send(BlockRequest request, int command, int flags) {
        int count = connections.size();
        int chosen = count == 1 ? 0 : Math.floorMod(next.getAndIncrement(), count);
        ClientConnection connection = connections.get(chosen);
        if (count > 1) {
            ClientConnection other = connections.get((chosen + 1) % count);
            if (connection.failure() != null || other.failure() == null && other.load() < connection.load()) {
                connection = other;
            }
        }
        connection.submit(request, command, flags);
    }

    @Override
    public BlockExtent status(long offset, long length) {
        for (Map.Entry<Integer, String> context : export.contexts().entrySet()) {
            if (context.getValue().equals(Nbd.BASE_ALLOCATION)) {
                List<MetadataContext.Run> runs = runs(offset, length, context.getKey());
                if (!runs.isEmpty()) {
                    MetadataContext.Run run = runs.getFirst();
                    return new BlockExtent(offset, run.length(), (run.flags() & Nbd.NBD_STATE_HOLE) == 0,
                            (run.flags() & Nbd.NBD_STATE_ZERO) != 0);
                }
            }
        }
        return new BlockExtent(offset, length, true, false);
    }

    /**
     * Asks what the bytes from {@code offset} are like in a context that was agreed on. Blocks.
     *
     * @return runs from {@code offset} on, at least one, covering {@code length} bytes or fewer
     */
    public List<MetadataContext.Run> runs(long offset, long length, String context) {
        for (Map.Entry<Integer, String> agreed : export.contexts().entrySet()) {
            if (agreed.getValue().equals(context)) {
                return runs(offset, length, agreed.getKey());
            }
        }
        throw new CapabilityException("The server of " + uri + " does not tell about " + context
                + "; it offers " + export.contexts().values());
    }

    private List<MetadataContext.Run> runs(long offset, long length, int id) {
        if (offset < 0 || length <= 0 || length > info.size() - offset) {
            throw new ConfigurationException("Cannot ask about " + length + " bytes at " + offset + " of "
                    + info.size());
        }
        long asked = Math.min(length, LONGEST_RANGE);
        var query = new StatusQuery(asked);
        await(new BlockRequest().prepare(Operation.DISCARD, offset, asked, 0).attach(query),
                Nbd.NBD_CMD_BLOCK_STATUS);
        return query.runs(id);
    }

    /** Sends {@code request} as {@code command} and waits for the answer. */
    final void await(BlockRequest request, int command) {
        var done = new CountDownLatch(1);
        var outcome = new AtomicReference<BlockResult>();
        send(request.onCompletion((completed, result) -> {
            outcome.set(result);
            done.countDown();
        }), command, 0);
        boolean interrupted = false;
        while (true) {
            try {
                done.await();
                break;
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (outcome.get() != BlockResult.OK) {
            Throwable cause = request.cause();
            throw cause instanceof VzException known ? known
                    : new HostException("NBD request " + request, uri.toString(), Errno.EIO, "EIO",
                            "it ended with " + outcome.get());
        }
    }

    /** Waits for what is in flight, flushes, and says goodbye; a server that does not answer in time is cut off. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        closing = true;
        long deadline = System.nanoTime() + options.timeout().toNanos();
        connections.forEach(connection -> connection.drain(deadline));
        VzException lost = connections.getFirst().failure();
        try {
            if (!export.readOnly() && export.canFlush() && lost == null) {
                flushWithin(deadline);
            }
        } finally {
            connections.forEach(ClientConnection::refuse);
            // What another thread submitted while this one began to close was taken, so it is completed.
            connections.forEach(connection -> connection.drain(deadline));
            connections.forEach(ClientConnection::finish);
            connections.forEach(ClientConnection::close);
        }
    }

    private void flushWithin(long deadline) {
        var outcome = new AtomicReference<BlockResult>();
        var done = new CountDownLatch(1);
        send(new BlockRequest().prepare(Operation.FLUSH, 0, 0, 0).onCompletion((completed, result) -> {
            outcome.set(result);
            done.countDown();
        }), Nbd.NBD_CMD_FLUSH, 0);
        connections.forEach(connection -> connection.drain(deadline));
        try {
            // A connection that was cut off has failed its requests by now, or is about to.
            if (!done.await(options.timeout().toMillis(), TimeUnit.MILLISECONDS) || outcome.get() != BlockResult.OK) {
                throw new HostException("flushing before the end", uri.toString(), Errno.EIO, "EIO",
                        "what was written since the last flush may be lost");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return "NBD client of " + uri;
    }
}
