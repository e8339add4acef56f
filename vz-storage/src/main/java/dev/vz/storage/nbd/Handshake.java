package dev.vz.storage.nbd;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.file.IoVectors;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.linux.socket.SocketOptions;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The client's side of the fixed newstyle handshake, blocking. Of one thread. */
final class Handshake implements AutoCloseable {

    private static final int LONGEST_REPLY = 64 * 1024;
    private static final int MOST_REPLIES = 10_000;
    private static final int CHUNK = 64 * 1024;

    private record Reply(int type, ByteBuffer data) {
        boolean isError() {
            return (type & Nbd.NBD_REP_FLAG_ERROR) != 0;
        }

        String text() {
            return StandardCharsets.UTF_8.decode(data.duplicate()).toString();
        }
    }

    private final NbdUri uri;
    private final NbdClientOptions options;
    private final MemorySegment memory = Arena.ofAuto().allocate(CHUNK);
    private final IoVectors vectors = new IoVectors(1);
    private Channel channel;
    private boolean fixed;
    private boolean noZeroes;
    private boolean structured;

    private Handshake(NbdUri uri, NbdClientOptions options, FileDescriptor socket) {
        this.uri = uri;
        this.options = options;
        this.channel = new Channel.Plain(socket);
    }

    /** Connects, greets, and turns to TLS where that is wanted. */
    static Handshake begin(NbdUri uri, NbdClientOptions options) {
        NbdTls tls = options.tls();
        if (uri.tls() && tls == null) {
            tls = uri.certificates() == null ? null : NbdTls.clientFrom(uri.certificates(), true);
            if (tls == null) {
                throw new CapabilityException("The URI of " + uri
                        + " demands TLS, but nothing says whom to trust; add tls-certificates=FOLDER to it");
            }
        }
        var handshake = new Handshake(uri, options, connect(uri));
        try {
            SocketOptions.setTimeout(handshake.channel.descriptor(), options.timeout().toMillis());
            handshake.greet();
            if (tls != null) {
                handshake.startTls(tls);
            }
            return handshake;
        } catch (RuntimeException | Error failure) {
            handshake.close();
            throw failure;
        }
    }

    private static FileDescriptor connect(NbdUri uri) {
        if (uri.socket() != null) {
            return UnixSocket.connect(UnixAddress.of(uri.socket()), SocketType.STREAM, false).descriptor();
        }
        return InternetSocket.connectTo(SocketName.of(new InetSocketAddress(uri.host(), uri.port())), true)
                .descriptor();
    }

    private void greet() {
        ByteBuffer greeting = receive(18);
        if (greeting.getLong() != Nbd.NBDMAGIC) {
            throw new FormatException("The server of " + uri + " does not speak NBD: it began with 0x"
                    + Long.toHexString(greeting.getLong(0)));
        }
        if (greeting.getLong() != Nbd.IHAVEOPT) {
            throw new CapabilityException("The server of " + uri
                    + " speaks the oldstyle handshake; start it with the newstyle one");
        }
        int flags = greeting.getShort();
        fixed = (flags & Nbd.NBD_FLAG_FIXED_NEWSTYLE) != 0;
        noZeroes = (flags & Nbd.NBD_FLAG_NO_ZEROES) != 0;
        send(ByteBuffer.allocate(4).putInt(flags & (Nbd.NBD_FLAG_FIXED_NEWSTYLE | Nbd.NBD_FLAG_NO_ZEROES)));
    }

    private void startTls(NbdTls tls) {
        option(Nbd.NBD_OPT_STARTTLS, new byte[0]);
        Reply reply = reply(Nbd.NBD_OPT_STARTTLS);
        if (reply.type() != Nbd.NBD_REP_ACK) {
            throw refused("TLS", reply);
        }
        var secure = new TlsChannel(channel.descriptor(), tls.clientEngine(uri.host()));
        channel = secure;
        long result = secure.handshake();
        if (result <= 0) {
            throw new HostException("TLS handshake", uri.toString(), result == 0 ? Errno.ECONNRESET : (int) -result,
                    result == 0 ? "ECONNRESET" : Errno.name((int) -result), secure.failure().isEmpty()
                            ? "the server gave no reason; it may not accept this client's certificate"
                            : secure.failure());
        }
    }

    /** Asks for the export's data; the connection is ready for requests afterwards. */
    ExportInfo go() {
        if (!fixed) {
            return exportName();
        }
        TreeMap<Integer, String> contexts = agree();
        ExportInfo info = information(Nbd.NBD_OPT_GO);
        if (info == null) {
            info = exportName();
        }
        return info.withContexts(structured, contexts);
    }

    private TreeMap<Integer, String> agree() {
        var contexts = new TreeMap<Integer, String>();
        if (options.structured()) {
            option(Nbd.NBD_OPT_STRUCTURED_REPLY, new byte[0]);
            structured = reply(Nbd.NBD_OPT_STRUCTURED_REPLY).type() == Nbd.NBD_REP_ACK;
        }
        if (structured && !options.contexts().isEmpty()) {
            option(Nbd.NBD_OPT_SET_META_CONTEXT, queries(options.contexts()));
            for (Reply context : replies(Nbd.NBD_OPT_SET_META_CONTEXT, Nbd.NBD_REP_META_CONTEXT)) {
                if (!context.isError()) {
                    contexts.put(context.data().getInt(), context.text());
                }
            }
        }
        return contexts;
    }

    /** Asks about the export without using it. */
    ExportInfo info() {
        TreeMap<Integer, String> contexts = agree();
        ExportInfo info = information(Nbd.NBD_OPT_INFO);
        if (info == null) {
            throw new CapabilityException("The server of " + uri + " cannot tell about exports (NBD_OPT_INFO)");
        }
        return info.withContexts(structured, contexts);
    }

    /** The contexts that the server knows for the export. */
    List<String> listContexts() {
        option(Nbd.NBD_OPT_STRUCTURED_REPLY, new byte[0]);
        if (reply(Nbd.NBD_OPT_STRUCTURED_REPLY).type() != Nbd.NBD_REP_ACK) {
            return List.of();
        }
        option(Nbd.NBD_OPT_LIST_META_CONTEXT, queries(List.of()));
        var names = new ArrayList<String>();
        for (Reply context : replies(Nbd.NBD_OPT_LIST_META_CONTEXT, Nbd.NBD_REP_META_CONTEXT)) {
            if (!context.isError()) {
                context.data().getInt();
                names.add(context.text());
            }
        }
        return names;
    }

    /** The exports that the server shows: names and descriptions only. */
    List<ExportInfo> list() {
        option(Nbd.NBD_OPT_LIST, new byte[0]);
        var exports = new ArrayList<ExportInfo>();
        for (Reply reply : replies(Nbd.NBD_OPT_LIST, Nbd.NBD_REP_SERVER)) {
            if (reply.isError()) {
                throw refused("listing exports", reply);
            }
            int length = reply.data().getInt();
            if (length < 0 || length > reply.data().remaining()) {
                throw new FormatException("The server of " + uri + " lists a name of " + length
                        + " bytes in an answer of " + reply.data().remaining());
            }
            var name = new byte[length];
            reply.data().get(name);
            exports.add(ExportInfo.of(new String(name, StandardCharsets.UTF_8), 0, 0).withDescription(reply.text()));
        }
        return exports;
    }

    /** Ends the negotiation politely. */
    void abort() {
        option(Nbd.NBD_OPT_ABORT, new byte[0]);
        channel.finish();
    }

    private byte[] queries(List<String> names) {
        var out = new ByteArrayOutputStream();
        put(out, uri.export());
        out.writeBytes(ByteBuffer.allocate(4).putInt(names.size()).array());
        names.forEach(name -> put(out, name));
        return out.toByteArray();
    }

    private static void put(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeBytes(ByteBuffer.allocate(4).putInt(bytes.length).array());
        out.writeBytes(bytes);
    }

    private @Nullable ExportInfo information(int option) {
        var request = new ByteArrayOutputStream();
        put(request, uri.export());
        request.writeBytes(ByteBuffer.allocate(8).putShort((short) 3).putShort((short) Nbd.NBD_INFO_NAME)
                .putShort((short) Nbd.NBD_INFO_DESCRIPTION).putShort((short) Nbd.NBD_INFO_BLOCK_SIZE).array());
        option(option, request.toByteArray());
        ExportInfo info = ExportInfo.of(uri.export(), -1, 0);
        for (Reply reply : replies(option, Nbd.NBD_REP_INFO)) {
            if (reply.type() == Nbd.NBD_REP_ERR_UNSUP) {
                return null;
            }
            if (reply.isError()) {
                throw refused("the export", reply);
            }
            info = merged(info, reply.data());
        }
        if (info.size() < 0) {
            throw new FormatException("The server of " + uri + " does not tell the size of the export");
        }
        return info;
    }

    private ExportInfo merged(ExportInfo info, ByteBuffer data) {
        int type = need(data, 2).getShort();
        return switch (type) {
            case Nbd.NBD_INFO_EXPORT -> info.withSize(need(data, 10).getLong(), Short.toUnsignedInt(data.getShort()));
            case Nbd.NBD_INFO_NAME -> info.withName(StandardCharsets.UTF_8.decode(data).toString());
            case Nbd.NBD_INFO_DESCRIPTION -> info.withDescription(StandardCharsets.UTF_8.decode(data).toString());
            case Nbd.NBD_INFO_BLOCK_SIZE -> blocks(info, need(data, 12));
            default -> info;
        };
    }

    private ExportInfo blocks(ExportInfo info, ByteBuffer data) {
        int minimum = data.getInt();
        int preferred = data.getInt();
        long maximum = Integer.toUnsignedLong(data.getInt());
        if (Integer.bitCount(minimum) != 1 || minimum > 64 * 1024 || minimum < 1 || maximum < minimum) {
            throw new FormatException("The server of " + uri + " demands blocks of " + minimum + " to " + maximum
                    + " bytes; the smallest is a power of two up to 65536");
        }
        return info.withBlocks(minimum, Math.max(preferred, minimum),
                (int) Math.min(maximum / minimum * minimum, Nbd.MAX_PAYLOAD));
    }

    private ByteBuffer need(ByteBuffer data, int bytes) {
        if (data.remaining() < bytes) {
            throw new FormatException("The server of " + uri + " cut an answer short: " + data.remaining()
                    + " bytes instead of " + bytes);
        }
        return data;
    }

    private ExportInfo exportName() {
        option(Nbd.NBD_OPT_EXPORT_NAME, uri.export().getBytes(StandardCharsets.UTF_8));
        ByteBuffer answer = receive(noZeroes ? 10 : 134);
        long size = answer.getLong();
        if (size < 0) {
            throw new FormatException("The server of " + uri + " shows an export of " + size + " bytes");
        }
        return ExportInfo.of(uri.export(), size, Short.toUnsignedInt(answer.getShort()));
    }

    private RuntimeException refused(String what, Reply reply) {
        String text = reply.text();
        return new CapabilityException("The server of " + uri + " refuses " + what + ": "
                + (text.isEmpty() ? "reply 0x" + Integer.toHexString(reply.type()) : text));
    }

    private void option(int option, byte[] data) {
        send(ByteBuffer.allocate(16 + data.length).putLong(Nbd.IHAVEOPT).putInt(option).putInt(data.length).put(data));
    }

    /** All replies of {@code type} up to the acknowledgement, or one error. */
    private List<Reply> replies(int option, int type) {
        var found = new ArrayList<Reply>();
        while (true) {
            Reply reply = reply(option);
            if (reply.type() == Nbd.NBD_REP_ACK) {
                return found;
            }
            if (reply.isError()) {
                return List.of(reply);
            }
            if (reply.type() != type || reply.data().remaining() < (type == Nbd.NBD_REP_INFO ? 2 : 4)
                    || found.size() == MOST_REPLIES) {
                throw new FormatException("The server of " + uri + " answers " + Nbd.optionName(option) + " with reply "
                        + reply.type() + " of " + reply.data().remaining() + " bytes, after " + found.size());
            }
            found.add(reply);
        }
    }

    private Reply reply(int option) {
        ByteBuffer header = receive(20);
        long magic = header.getLong();
        int about = header.getInt();
        int type = header.getInt();
        int length = header.getInt();
        if (magic != Nbd.REPLYMAGIC || about != option) {
            throw new FormatException("The server of " + uri + " answers " + Nbd.optionName(option)
                    + " with magic 0x" + Long.toHexString(magic) + " for " + Nbd.optionName(about));
        }
        if (length < 0 || length > LONGEST_REPLY) {
            throw new FormatException("The server of " + uri + " answers " + Nbd.optionName(option) + " with "
                    + Integer.toUnsignedString(length) + " bytes, more than the " + LONGEST_REPLY + " that make sense");
        }
        return new Reply(type, receive(length));
    }

    private ByteBuffer receive(int length) {
        var bytes = new byte[length];
        int done = 0;
        while (done < length) {
            vectors.clear();
            vectors.add(memory, 0, Math.min(CHUNK, length - done));
            long result = channel.read(vectors);
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result <= 0) {
                throw lost("receiving", result);
            }
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, bytes, done, (int) result);
            done += (int) result;
        }
        return ByteBuffer.wrap(bytes);
    }

    private void send(ByteBuffer message) {
        var bytes = new byte[message.capacity()];
        message.duplicate().clear().get(bytes);
        MemorySegment copy = Arena.ofAuto().allocate(bytes.length);
        copy.copyFrom(MemorySegment.ofArray(bytes));
        vectors.clear();
        vectors.add(copy);
        while (vectors.bytes() > 0) {
            long result = channel.write(vectors);
            if (result < 0 && result != -Errno.EINTR) {
                throw lost("sending", result);
            }
            vectors.advance(Math.max(result, 0));
        }
    }

    private HostException lost(String what, long result) {
        if (result == -Errno.EAGAIN) {
            return new HostException(what + " during the handshake", uri.toString(), Errno.ETIMEDOUT, "ETIMEDOUT",
                    "the server did not answer within " + options.timeout());
        }
        if (result == 0) {
            return new HostException(what + " during the handshake", uri.toString(), Errno.ECONNRESET, "ECONNRESET",
                    "the server hung up: it may not have this export, or want TLS");
        }
        return Errno.failure(what + " during the handshake", uri, result);
    }

    /** Hands the connection over, ready for requests. */
    Channel release() {
        SocketOptions.setTimeout(channel.descriptor(), 0);
        SocketOptions.setNonBlocking(channel.descriptor(), true);
        return channel;
    }

    @Override
    public void close() {
        channel.close();
    }
}
