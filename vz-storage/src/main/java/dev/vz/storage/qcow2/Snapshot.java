package dev.vz.storage.qcow2;

/**
 * An internal snapshot: section "Snapshots".
 *
 * @param id            unique within the image, usually a number
 * @param name          what its maker called it
 * @param l1TableOffset where its L1 table is in the file
 * @param l1Size        entries of that table
 * @param dateSeconds   when it was taken, seconds since 1970
 * @param dateNanos     and nanoseconds
 * @param vmClockNanos  how long the guest had run
 * @param vmStateSize   bytes of saved machine state behind the disk's end; 0 for a snapshot of the disk alone
 * @param diskSize      size of the disk then; -1 if not recorded
 * @param unknownExtra  extra data beyond what is known here; kept
 */
public record Snapshot(String id, String name, long l1TableOffset, int l1Size, int dateSeconds, int dateNanos,
        long vmClockNanos, long vmStateSize, long diskSize, byte[] unknownExtra) {}
