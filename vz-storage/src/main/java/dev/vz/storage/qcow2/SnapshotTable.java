package dev.vz.storage.qcow2;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The table of internal snapshots.
 *
 * @param snapshots   in the order of the table
 * @param storedBytes how long the table is in the file
 */
record SnapshotTable(List<Snapshot> snapshots, long storedBytes) {

    private static final int FIXED = 40;
    private static final int KNOWN_EXTRA = 16;
    private static final int MAX_EXTRA = 1024;
    private static final int MAX_L1 = 32 << 20;
    private static final long MAX_TABLE = 16L << 20;

    static SnapshotTable read(ImageFile file, Qcow2Header header) {
        var snapshots = new ArrayList<Snapshot>();
        long at = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment fixed = arena.allocate(FIXED);
            for (int i = 0; i < header.nbSnapshots(); i++) {
                file.read(header.snapshotsOffset() + at, fixed);
                int idLength = BigEndian.getShort(fixed, 12);
                int nameLength = BigEndian.getShort(fixed, 14);
                int extraLength = BigEndian.getInt(fixed, 36);
                if (extraLength < 0 || extraLength > MAX_EXTRA) {
                    throw new FormatException("Snapshot " + i + " of " + file.name() + " has " + Integer
                            .toUnsignedString(extraLength) + " bytes of extra data, more than " + MAX_EXTRA);
                }
                MemorySegment rest = arena.allocate(Math.max(1, extraLength + idLength + nameLength));
                file.read(header.snapshotsOffset() + at + FIXED, rest);
                snapshots.add(parse(fixed, rest, extraLength, idLength, nameLength));
                at += FIXED + extraLength + idLength + nameLength + 7L & ~7L;
                if (at > MAX_TABLE) {
                    throw new FormatException("The snapshot table of " + file.name() + " is longer than " + MAX_TABLE
                            + " bytes");
                }
            }
        }
        return new SnapshotTable(List.copyOf(snapshots), at);
    }

    private static Snapshot parse(MemorySegment fixed, MemorySegment rest, int extraLength, int idLength,
            int nameLength) {
        long vmStateSize = Integer.toUnsignedLong(BigEndian.getInt(fixed, 32));
        if (extraLength >= 8) {
            vmStateSize = BigEndian.getLong(rest, 0);
        }
        long diskSize = extraLength >= 16 ? BigEndian.getLong(rest, 8) : -1;
        byte[] unknown = extraLength > KNOWN_EXTRA
                ? rest.asSlice(KNOWN_EXTRA, extraLength - KNOWN_EXTRA).toArray(ValueLayout.JAVA_BYTE)
                : new byte[0];
        String id = text(rest.asSlice(extraLength, idLength));
        String name = text(rest.asSlice(extraLength + idLength, nameLength));
        return new Snapshot(id, name, BigEndian.getLong(fixed, 0), BigEndian.getInt(fixed, 8), BigEndian.getInt(fixed,
                16), BigEndian.getInt(fixed, 20), BigEndian.getLong(fixed, 24), vmStateSize, diskSize, unknown);
    }

    private static String text(MemorySegment bytes) {
        return new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** The L1 table of {@code snapshot}, checked as far as reading it demands. */
    long[] l1(ImageFile file, Geometry geometry, Snapshot snapshot) {
        if (snapshot.l1Size() < 0 || snapshot.l1Size() * 8L > MAX_L1 || snapshot.l1TableOffset() < 0
                || (snapshot.l1TableOffset() & geometry.clusterSize() - 1) != 0
                || snapshot.l1TableOffset() > Geometry.MAX_FILE - MAX_L1) {
            throw new FormatException("Snapshot " + snapshot.id() + " of " + file.name() + " has an L1 table of "
                    + Integer.toUnsignedString(snapshot.l1Size()) + " entries at 0x" + Long.toHexString(snapshot
                            .l1TableOffset()));
        }
        return Refcounts.readTable(file, snapshot.l1TableOffset(), snapshot.l1Size());
    }

    /** The table as it is in the file. */
    static byte[] encode(List<Snapshot> snapshots) {
        var bytes = new ByteArrayOutputStream();
        try (var out = new DataOutputStream(bytes)) {
            for (Snapshot snapshot : snapshots) {
                byte[] id = snapshot.id().getBytes(StandardCharsets.UTF_8);
                byte[] name = snapshot.name().getBytes(StandardCharsets.UTF_8);
                out.writeLong(snapshot.l1TableOffset());
                out.writeInt(snapshot.l1Size());
                out.writeShort(id.length);
                out.writeShort(name.length);
                out.writeInt(snapshot.dateSeconds());
                out.writeInt(snapshot.dateNanos());
                out.writeLong(snapshot.vmClockNanos());
                out.writeInt(snapshot.vmStateSize() > Integer.MAX_VALUE ? 0 : (int) snapshot.vmStateSize());
                out.writeInt(KNOWN_EXTRA + snapshot.unknownExtra().length);
                out.writeLong(snapshot.vmStateSize());
                out.writeLong(snapshot.diskSize());
                out.write(snapshot.unknownExtra());
                out.write(id);
                out.write(name);
                while (out.size() % 8 != 0) {
                    out.write(0);
                }
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible); // a byte array does not refuse
        }
        return bytes.toByteArray();
    }
}
