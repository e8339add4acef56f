package dev.vz.storage.nbd;

import dev.vz.error.VzException;
import dev.vz.linux.file.IoVectors;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The server's side of the fixed newstyle handshake: options in, answers out. Of the connection's loop thread. */
final class Negotiation implements ServerConnection.Phase {

    private static final int OPTION_HEADER = 16;
    /** Bytes of an option that are looked at; a longer one is answered with NBD_REP_ERR_TOO_BIG. */
    private static final int LONGEST_OPTION = 64 * 1024;
    /** Bytes of an option that are skipped; a longer one ends the connection. */
    private static final int LONGEST_SKIP = 1 << 20;
    private static final int MOST_OPTIONS = 1024;

    private final ServerConnection connection;
    private final NbdServer server;
    private boolean flagsSeen;
    private boolean fixed;
    private boolean noZeroes;
    private boolean structured;
    private int options;
    private int unwanted;
    private String contextExport = "";
    private List<MetadataContext> contexts = List.of();

    Negotiation(ServerConnection connection, NbdServer server) {
        this.connection = connection;
        this.server = server;
    }

    /** Sends what the server says first. */
    void greet() {
        connection.send(ByteBuffer.allocate(18).putLong(Nbd.NBDMAGIC).putLong(Nbd.IHAVEOPT)
                .putShort((short) (Nbd.NBD_FLAG_FIXED_NEWSTYLE | Nbd.NBD_FLAG_NO_ZEROES)).array());
    }

    @Override
    public void direct(IoVectors vectors) {
        // Options are taken from the input.
    }

    @Override
    public int directed(int received) {
        return received;
    }

    @Override
    public void advance() {
        Input input = connection.input;
        if (!flagsSeen) {
            if (input.available() < 4) {
                return;
            }
            int flags = input.intAt(0);
            input.consume(4);
            if ((flags & ~(Nbd.NBD_FLAG_FIXED_NEWSTYLE | Nbd.NBD_FLAG_NO_ZEROES)) != 0) {
                connection.close("it set unknown handshake flags 0x" + Integer.toHexString(flags));
                return;
            }
            fixed = (flags & Nbd.NBD_FLAG_FIXED_NEWSTYLE) != 0;
            noZeroes = (flags & Nbd.NBD_FLAG_NO_ZEROES) != 0;
            flagsSeen = true;
        }
        if (unwanted > 0) {
            int skipped = Math.min(unwanted, input.available());
            input.consume(skipped);
            unwanted -= skipped;
        }
        if (unwanted == 0 && input.available() >= OPTION_HEADER && !connection.isEnding()) {
            option(input);
        }
    }

    /** Handles one option if all of it is there; the connection calls again as long as the input shrinks. */
    private void option(Input input) {
        if (input.longAt(0) != Nbd.IHAVEOPT) {
            connection.close("an option begins with " + Long.toHexString(input.longAt(0)) + " instead of IHAVEOPT");
            return;
        }
        int option = input.intAt(8);
        long length = Integer.toUnsignedLong(input.intAt(12));
        if (length > LONGEST_SKIP || ++options > MOST_OPTIONS && input.available() >= OPTION_HEADER + length) {
            connection.close(options > MOST_OPTIONS ? "it haggles about more than " + MOST_OPTIONS + " options"
                    : Nbd.optionName(option) + " has " + length + " bytes of data");
            return;
        }
        if (length > LONGEST_OPTION) {
            input.consume(OPTION_HEADER);
            unwanted = (int) length;
            error(option, Nbd.NBD_REP_ERR_TOO_BIG, length + " bytes of data are more than the " + LONGEST_OPTION
                    + " that are looked at");
            return;
        }
        if (input.available() < OPTION_HEADER + length) {
            options--; // seen again when it is complete
            return;
        }
        byte[] data = input.bytes(OPTION_HEADER, (int) length);
        input.consume(OPTION_HEADER + (int) length);
        if (!fixed && option != Nbd.NBD_OPT_EXPORT_NAME) {
            connection.close("it sent " + Nbd.optionName(option) + " without the fixed newstyle handshake");
            return;
        }
        if (server.options().tlsRequired() && !connection.isSecure() && option != Nbd.NBD_OPT_STARTTLS
                && option != Nbd.NBD_OPT_ABORT) {
            if (option == Nbd.NBD_OPT_EXPORT_NAME) {
                connection.close("it asked for an export without TLS, which is required");
                return;
            }
            error(option, Nbd.NBD_REP_ERR_TLS_REQD, "Option 0x" + Integer.toHexString(option)
                    + " not permitted before TLS");
            return;
        }
        handle(option, data);
    }

    private void handle(int option, byte[] data) {
        switch (option) {
            case Nbd.NBD_OPT_EXPORT_NAME -> exportName(data);
            case Nbd.NBD_OPT_ABORT -> {
                reply(option, Nbd.NBD_REP_ACK, new byte[0]);
                connection.finish();
            }
            case Nbd.NBD_OPT_LIST -> list(data);
            case Nbd.NBD_OPT_STARTTLS -> startTls(data);
            case Nbd.NBD_OPT_INFO, Nbd.NBD_OPT_GO -> info(option, data);
            case Nbd.NBD_OPT_STRUCTURED_REPLY -> {
                if (data.length > 0) {
                    error(option, Nbd.NBD_REP_ERR_INVALID, "this option has no data");
                } else {
                    structured = true;
                    reply(option, Nbd.NBD_REP_ACK, data);
                }
            }
            case Nbd.NBD_OPT_LIST_META_CONTEXT, Nbd.NBD_OPT_SET_META_CONTEXT -> metaContext(option, data);
            default -> error(option, Nbd.NBD_REP_ERR_UNSUP, "Unsupported option " + option);
        }
    }

    private void exportName(byte[] data) {
        String name = text(data);
        NbdExport export = name == null ? null : server.export(name);
        if (export == null) {
            connection.close("it asked for an export that is not there");
            return;
        }
        ByteBuffer answer = ByteBuffer.allocate(noZeroes ? 10 : 134);
        answer.putLong(export.device().info().size());
        answer.putShort((short) Transmission.flags(export, structured));
        connection.send(answer.array());
        transmit(export);
    }

    private void list(byte[] data) {
        if (data.length > 0) {
            error(Nbd.NBD_OPT_LIST, Nbd.NBD_REP_ERR_INVALID, "this option has no data");
            return;
        }
        for (NbdExport export : server.exports()) {
            byte[] name = export.name().getBytes(StandardCharsets.UTF_8);
            byte[] description = export.description().getBytes(StandardCharsets.UTF_8);
            reply(Nbd.NBD_OPT_LIST, Nbd.NBD_REP_SERVER, ByteBuffer.allocate(4 + name.length + description.length)
                    .putInt(name.length).put(name).put(description).array());
        }
        reply(Nbd.NBD_OPT_LIST, Nbd.NBD_REP_ACK, new byte[0]);
    }

    private void startTls(byte[] data) {
        if (data.length > 0) {
            error(Nbd.NBD_OPT_STARTTLS, Nbd.NBD_REP_ERR_INVALID, "this option has no data");
        } else if (connection.isSecure()) {
            error(Nbd.NBD_OPT_STARTTLS, Nbd.NBD_REP_ERR_INVALID, "TLS is in use already");
        } else {
            NbdTls tls = server.options().tls();
            if (tls == null) {
                error(Nbd.NBD_OPT_STARTTLS, Nbd.NBD_REP_ERR_POLICY, "TLS not configured");
                return;
            }
            reply(Nbd.NBD_OPT_STARTTLS, Nbd.NBD_REP_ACK, data);
            // What was agreed on in the clear could have been a third party's doing.
            structured = false;
            contexts = List.of();
            connection.secure(tls.serverEngine());
        }
    }

    private void info(int option, byte[] data) {
        ByteBuffer fields = ByteBuffer.wrap(data);
        String name = prefixedText(fields);
        if (name == null || fields.remaining() < 2) {
            error(option, Nbd.NBD_REP_ERR_INVALID, "the export's name does not fit into the option");
            return;
        }
        int count = Short.toUnsignedInt(fields.getShort());
        if (fields.remaining() != 2 * count) {
            error(option, Nbd.NBD_REP_ERR_INVALID, "there are not " + count + " requests for information");
            return;
        }
        NbdExport export = server.export(name);
        if (export == null) {
            error(option, Nbd.NBD_REP_ERR_UNKNOWN, "export '" + name + "' not present");
            return;
        }
        boolean nameWanted = false;
        boolean descriptionWanted = false;
        boolean blockSizeWanted = false;
        for (int i = 0; i < count; i++) {
            switch (fields.getShort()) {
                case Nbd.NBD_INFO_NAME -> nameWanted = true;
                case Nbd.NBD_INFO_DESCRIPTION -> descriptionWanted = true;
                case Nbd.NBD_INFO_BLOCK_SIZE -> blockSizeWanted = true;
                default -> {
                    // Unknown information is not given, as the protocol says.
                }
            }
        }
        if (nameWanted) {
            information(option, Nbd.NBD_INFO_NAME, export.name().getBytes(StandardCharsets.UTF_8));
        }
        if (descriptionWanted && !export.description().isEmpty()) {
            information(option, Nbd.NBD_INFO_DESCRIPTION, export.description().getBytes(StandardCharsets.UTF_8));
        }
        if (blockSizeWanted) {
            int minimum = export.minimumBlock();
            information(option, Nbd.NBD_INFO_BLOCK_SIZE, ByteBuffer.allocate(12).putInt(minimum)
                    .putInt(Math.max(minimum, 4096)).putInt(Nbd.MAX_PAYLOAD).array());
        }
        information(option, Nbd.NBD_INFO_EXPORT, ByteBuffer.allocate(10).putLong(export.device().info().size())
                .putShort((short) Transmission.flags(export, structured)).array());
        reply(option, Nbd.NBD_REP_ACK, new byte[0]);
        if (option == Nbd.NBD_OPT_GO) {
            transmit(export);
        }
    }

    private void information(int option, int type, byte[] content) {
        reply(option, Nbd.NBD_REP_INFO,
                ByteBuffer.allocate(2 + content.length).putShort((short) type).put(content).array());
    }

    private void metaContext(int option, byte[] data) {
        if (!structured) {
            error(option, Nbd.NBD_REP_ERR_INVALID, "structured replies must be negotiated first");
            return;
        }
        ByteBuffer fields = ByteBuffer.wrap(data);
        String name = prefixedText(fields);
        List<String> queries = name == null ? null : queries(fields);
        if (name == null || queries == null) {
            error(option, Nbd.NBD_REP_ERR_INVALID, "the queries do not fit into the option");
            return;
        }
        NbdExport export = server.export(name);
        if (export == null) {
            error(option, Nbd.NBD_REP_ERR_UNKNOWN, "export '" + name + "' not present");
            return;
        }
        boolean set = option == Nbd.NBD_OPT_SET_META_CONTEXT;
        var selected = new ArrayList<MetadataContext>();
        for (MetadataContext context : export.contexts()) {
            if (!set && queries.isEmpty() || queries.stream().anyMatch(query -> matches(query, context, set))) {
                selected.add(context);
                byte[] text = context.name().getBytes(StandardCharsets.UTF_8);
                reply(option, Nbd.NBD_REP_META_CONTEXT,
                        ByteBuffer.allocate(4 + text.length).putInt(set ? selected.size() : 0).put(text).array());
            }
        }
        if (set) {
            contexts = List.copyOf(selected);
            contextExport = name;
        }
        reply(option, Nbd.NBD_REP_ACK, new byte[0]);
    }

    /** A listing query may name a namespace, or the beginning of qemu's bitmaps; a selecting one is exact. */
    private static boolean matches(String query, MetadataContext context, boolean set) {
        if (query.equals(context.name())) {
            return true;
        }
        return !set && query.endsWith(":") && context.name().startsWith(query);
    }

    private static @Nullable List<String> queries(ByteBuffer fields) {
        if (fields.remaining() < 4) {
            return null;
        }
        long count = Integer.toUnsignedLong(fields.getInt());
        if (count > fields.remaining() / 4) {
            return null;
        }
        var queries = new ArrayList<String>();
        for (long i = 0; i < count; i++) {
            String query = prefixedText(fields);
            if (query == null) {
                return null;
            }
            queries.add(query);
        }
        return fields.hasRemaining() ? null : queries;
    }

    private static @Nullable String prefixedText(ByteBuffer fields) {
        if (fields.remaining() < 4) {
            return null;
        }
        int length = fields.getInt();
        if (length < 0 || length > Nbd.NBD_MAX_STRING || length > fields.remaining()) {
            return null;
        }
        var bytes = new byte[length];
        fields.get(bytes);
        return text(bytes);
    }

    private static @Nullable String text(byte[] bytes) {
        if (bytes.length > Nbd.NBD_MAX_STRING) {
            return null;
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException notText) {
            return null;
        }
    }

    private void transmit(NbdExport export) {
        try {
            server.chosen(export);
        } catch (VzException refused) {
            connection.close(refused.getMessage());
            return;
        }
        List<MetadataContext> agreed = contextExport.equals(export.name()) ? contexts : List.of();
        connection.transmit(export, structured, agreed);
    }

    private void error(int option, int type, String message) {
        reply(option, type, message.getBytes(StandardCharsets.UTF_8));
    }

    private void reply(int option, int type, byte[] data) {
        connection.send(ByteBuffer.allocate(20 + data.length).putLong(Nbd.REPLYMAGIC).putInt(option).putInt(type)
                .putInt(data.length).put(data).array());
    }
}
