package dev.vz.storage.nbd;

import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a server says about an export.
 *
 * @param name           its name, as the server gives it
 * @param description    for people; empty if there is none
 * @param size           bytes
 * @param flags          the transmission flags, bit by bit as the protocol numbers them
 * @param minimumBlock   bytes: smallest unit that may be addressed
 * @param preferredBlock bytes: smallest unit that is fast
 * @param maximumPayload bytes: longest read or write
 * @param structured     whether replies are structured
 * @param contexts       the contexts that were agreed on, by id
 */
public record ExportInfo(String name, String description, long size, int flags, int minimumBlock, int preferredBlock,
        int maximumPayload, boolean structured, SortedMap<Integer, String> contexts) {

    /** Copies the contexts. */
    public ExportInfo {
        contexts = new TreeMap<>(contexts);
    }

    static ExportInfo of(String name, long size, int flags) {
        return new ExportInfo(name, "", size, flags, 1, 4096, Nbd.MAX_PAYLOAD, false, new TreeMap<>(Map.of()));
    }

    ExportInfo withDescription(String description) {
        return new ExportInfo(name, description, size, flags, minimumBlock, preferredBlock, maximumPayload, structured,
                contexts);
    }

    ExportInfo withName(String name) {
        return new ExportInfo(name, description, size, flags, minimumBlock, preferredBlock, maximumPayload, structured,
                contexts);
    }

    ExportInfo withSize(long size, int flags) {
        return new ExportInfo(name, description, size, flags, minimumBlock, preferredBlock, maximumPayload, structured,
                contexts);
    }

    ExportInfo withBlocks(int minimum, int preferred, int maximum) {
        return new ExportInfo(name, description, size, flags, minimum, preferred, maximum, structured, contexts);
    }

    ExportInfo withContexts(boolean structured, SortedMap<Integer, String> contexts) {
        return new ExportInfo(name, description, size, flags, minimumBlock, preferredBlock, maximumPayload, structured,
                contexts);
    }

    /** Whether writes are refused. */
    public boolean readOnly() {
        return has(Nbd.NBD_FLAG_READ_ONLY);
    }

    /** Whether flushes are understood. */
    public boolean canFlush() {
        return has(Nbd.NBD_FLAG_SEND_FLUSH);
    }

    /** Whether writes can be durable by themselves. */
    public boolean canFua() {
        return has(Nbd.NBD_FLAG_SEND_FUA);
    }

    /** Whether discards are understood. */
    public boolean canTrim() {
        return has(Nbd.NBD_FLAG_SEND_TRIM);
    }

    /** Whether zeros can be written without sending them. */
    public boolean canZero() {
        return has(Nbd.NBD_FLAG_SEND_WRITE_ZEROES);
    }

    /** Whether the server can say that zeros would be slow. */
    public boolean canFastZero() {
        return has(Nbd.NBD_FLAG_SEND_FAST_ZERO);
    }

    /** Whether reads can be asked for in one piece. */
    public boolean canDf() {
        return has(Nbd.NBD_FLAG_SEND_DF);
    }

    /** Whether data can be asked to be made ready. */
    public boolean canCache() {
        return has(Nbd.NBD_FLAG_SEND_CACHE);
    }

    /** Whether several connections see one another's flushes. */
    public boolean canMultiConn() {
        return has(Nbd.NBD_FLAG_CAN_MULTI_CONN);
    }

    /** Whether the size can be changed. */
    public boolean canResize() {
        return has(Nbd.NBD_FLAG_SEND_RESIZE);
    }

    /** Whether seeks cost time. */
    public boolean rotational() {
        return has(Nbd.NBD_FLAG_ROTATIONAL);
    }

    private boolean has(int flag) {
        return (flags & flag) != 0;
    }
}
