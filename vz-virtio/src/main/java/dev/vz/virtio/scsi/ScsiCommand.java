package dev.vz.virtio.scsi;

import dev.vz.virtio.disk.DiskRequest;
import java.util.Arrays;
import java.util.List;

/** A command between its ring and its disk. Reused. Multi-byte fields of a command are big-endian (SAM-5, 5.2). */
final class ScsiCommand extends DiskRequest {

    /** Bytes of the longest command that is understood. */
    static final int CDB = 16;

    /** Values of the response field (virtio 1.3, 5.6.6.1). */
    static final int S_OK = 0;
    static final int S_OVERRUN = 1;
    static final int S_ABORTED = 2;
    static final int S_BAD_TARGET = 3;
    static final int S_RESET = 4;

    private static final byte[] NOTHING = {};

    final byte[] cdb = new byte[CDB];
    /** Bytes that the driver gives and takes beside the headers. */
    long dataOut;
    long dataIn;
    /** How it ended, once it has. */
    int response;
    Sense sense = Sense.NONE;
    /** What is not data of the disk's. */
    byte[] reply = NOTHING;
    /** Bytes that were moved, for the residual count. */
    long moved;
    /** As the driver names the command. */
    long lun;
    long tag;
    /** {@link #S_ABORTED} or {@link #S_RESET} if task management has ended it, else 0. This and the rest: {@link TaskManagement}'s. */
    int ended;
    int place;
    List<TaskManagement.Waiting> functions = List.of();

    void clear(long out, long in) {
        dataOut = out;
        dataIn = in;
        response = S_OK;
        sense = Sense.NONE;
        reply = NOTHING;
        moved = 0;
        dataBytes = 0;
        status = OK;
    }

    int operation() {
        return cdb[0] & 0xFF;
    }

    int byteAt(int index) {
        return cdb[index] & 0xFF;
    }

    long value(int index, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value = value << 8 | cdb[index + i] & 0xFF;
        }
        return value;
    }

    /** It ends with an error; returns {@code false}, as there is nothing for the disk to do. */
    boolean fail(Sense why) {
        sense = why;
        return false;
    }

    /** It ends well, without data. */
    boolean done() {
        return false;
    }

    /** It ends with as much of {@code data} as the command allows and the driver has room for. */
    boolean reply(byte[] data, long allocation) {
        reply = Arrays.copyOf(data, (int) Math.min(Math.min(data.length, allocation), dataIn));
        moved = reply.length;
        return false;
    }
}
