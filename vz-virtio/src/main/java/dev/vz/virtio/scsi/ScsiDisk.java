package dev.vz.virtio.scsi;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.ConfigurationException;
import java.nio.charset.StandardCharsets;

/**
 * A disk as SCSI commands see it (SPC-4, SBC-3): logical unit 0 of a target, over a {@link BlockDevice} that it owns. Writes
 * stay in the host's cache until SYNCHRONIZE CACHE, unless they ask for more with their FUA bit.
 */
public final class ScsiDisk implements AutoCloseable {

    private static final int MOST_SERIAL = 36;
    private static final int FUA_BIT = 1 << 3;
    private static final int PROTECTION = 0xE0;
    private static final int UNMAP_BIT = 1 << 3;
    private static final int UNMAP_HEADER = 8;
    private static final int UNMAP_DESCRIPTOR = 16;

    private final BlockDevice disk;
    private final BlockInfo info;
    private final int block;
    private final DiskPages pages;

    /**
     * A disk of {@code disk}'s blocks.
     *
     * @param serial its serial number: 1 to 36 printable ASCII characters
     */
    public ScsiDisk(BlockDevice disk, String serial) {
        if (serial.isEmpty() || serial.length() > MOST_SERIAL
                || !StandardCharsets.US_ASCII.newEncoder().canEncode(serial)) {
            throw new ConfigurationException("A SCSI disk has a serial number of 1 to " + MOST_SERIAL
                    + " ASCII characters, not \"" + serial + "\"");
        }
        this.disk = disk;
        this.info = disk.info();
        this.block = Math.max(512, info.logicalBlockSize());
        this.pages = new DiskPages(info, block, serial);
    }

    BlockDevice disk() {
        return disk;
    }

    int mostSectors() {
        return info.maxTransfer() / 512;
    }

    private long blocks() {
        return disk.info().size() / block;
    }

    /** What a logical unit that is not there answers. */
    static boolean absent(ScsiCommand command) {
        return switch (command.operation()) {
            case 0x12 -> command.reply(DiskPages.inquiry(false), command.value(3, 2));
            case 0xA0 -> command.reply(DiskPages.luns(), command.value(6, 4));
            case 0x03 -> command.reply(Sense.LOGICAL_UNIT_NOT_SUPPORTED.encode(), command.byteAt(4));
            default -> command.fail(Sense.LOGICAL_UNIT_NOT_SUPPORTED);
        };
    }

    /**
     * Carries {@code command} out, as far as it goes without the host's disk.
     *
     * @return whether its {@link ScsiCommand#request} is to be submitted; if not, the command has ended
     */
    boolean begin(ScsiCommand command) {
        return switch (command.operation()) {
            // TEST UNIT READY, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL: it is always ready and always there.
            case 0x00, 0x1B, 0x1E -> command.done();
            case 0x03 -> command.reply(Sense.NONE.encode(), command.byteAt(4));
            case 0x12 -> inquiry(command);
            case 0x1A -> modeSense(command, command.byteAt(4), false);
            case 0x5A -> modeSense(command, command.value(7, 2), true);
            case 0x25 -> command.reply(pages.capacity10(blocks()), 8);
            case 0x9E -> serviceActionIn(command);
            case 0xA0 -> command.reply(DiskPages.luns(), command.value(6, 4));
            case 0x08 -> {
                long count = command.byteAt(4);
                yield read(command, command.value(1, 3) & 0x1F_FFFF, count == 0 ? 256 : count, 0);
            }
            case 0x0A -> {
                long count = command.byteAt(4);
                yield write(command, command.value(1, 3) & 0x1F_FFFF, count == 0 ? 256 : count, 0);
            }
            case 0x28 -> read(command, command.value(2, 4), command.value(7, 2), command.byteAt(1));
            case 0x2A -> write(command, command.value(2, 4), command.value(7, 2), command.byteAt(1));
            case 0xA8 -> read(command, command.value(2, 4), command.value(6, 4), command.byteAt(1));
            case 0xAA -> write(command, command.value(2, 4), command.value(6, 4), command.byteAt(1));
            case 0x88 -> read(command, command.value(2, 8), command.value(10, 4), command.byteAt(1));
            case 0x8A -> write(command, command.value(2, 8), command.value(10, 4), command.byteAt(1));
            case 0x35, 0x91 -> flush(command);
            case 0x41 -> writeSame(command, command.value(2, 4), command.value(7, 2));
            case 0x93 -> writeSame(command, command.value(2, 8), command.value(10, 4));
            case 0x42 -> unmap(command);
            default -> command.fail(Sense.INVALID_OPERATION_CODE);
        };
    }

    /** What the host's failure is called. */
    static Sense failure(ScsiCommand command) {
        return command.request.operation() == Operation.READ ? Sense.UNRECOVERED_READ_ERROR : Sense.WRITE_ERROR;
    }

    // -------------------------------------------------------------------------------------------- what it says

    private boolean inquiry(ScsiCommand command) {
        boolean vital = (command.byteAt(1) & 1) != 0;
        int page = command.byteAt(2);
        byte[] data = vital ? pages.vitalProductData(page) : page == 0 ? DiskPages.inquiry(true) : null;
        return data == null ? command.fail(Sense.INVALID_FIELD_IN_CDB) : command.reply(data, command.value(3, 2));
    }

    private boolean modeSense(ScsiCommand command, long allocation, boolean longHeader) {
        int control = command.byteAt(2) >>> 6;
        boolean subpages = command.byteAt(3) != 0 && command.byteAt(3) != 0xFF;
        // Saved values (control 3) there are none.
        byte[] data = control == 3 || subpages ? null
                : pages.modeSense(command.byteAt(2) & 0x3F, control, longHeader);
        return data == null ? command.fail(Sense.INVALID_FIELD_IN_CDB) : command.reply(data, allocation);
    }

    private boolean serviceActionIn(ScsiCommand command) {
        if ((command.byteAt(1) & 0x1F) != 0x10) {
            return command.fail(Sense.INVALID_FIELD_IN_CDB);
        }
        return command.reply(pages.capacity16(blocks()), command.value(10, 4));
    }

    // ------------------------------------------------------------------------------------------------- what it does

    private boolean inside(long address, long count) {
        long all = blocks();
        return address >= 0 && address <= all && count <= all - address;
    }

    private boolean read(ScsiCommand command, long address, long count, int flags) {
        if ((flags & PROTECTION) != 0 || count > info.maxTransfer() / block) {
            return command.fail(Sense.INVALID_FIELD_IN_CDB);
        }
        if (!inside(address, count)) {
            return command.fail(Sense.LBA_OUT_OF_RANGE);
        }
        long bytes = count * block;
        if (bytes > command.dataIn) {
            command.response = ScsiCommand.S_OVERRUN;
            return false;
        }
        if (bytes == 0) {
            return command.done();
        }
        command.request.prepare(Operation.READ, address * block, bytes, 0);
        command.dataBytes = bytes;
        command.moved = bytes;
        return true;
    }

    private boolean write(ScsiCommand command, long address, long count, int flags) {
        if (info.readOnly()) {
            return command.fail(Sense.WRITE_PROTECTED);
        }
        if ((flags & PROTECTION) != 0 || count > info.maxTransfer() / block) {
            return command.fail(Sense.INVALID_FIELD_IN_CDB);
        }
        if (!inside(address, count)) {
            return command.fail(Sense.LBA_OUT_OF_RANGE);
        }
        long bytes = count * block;
        if (bytes > command.dataOut) {
            command.response = ScsiCommand.S_OVERRUN;
            return false;
        }
        if (bytes == 0) {
            return command.done();
        }
        command.request.prepare(Operation.WRITE, address * block, bytes,
                (flags & FUA_BIT) != 0 ? BlockRequest.FUA : 0);
        command.addReadable(bytes);
        command.moved = bytes;
        return true;
    }

    private static boolean flush(ScsiCommand command) {
        command.request.prepare(Operation.FLUSH, 0, 0, 0);
        return true;
    }

    /** Zeros only: that is what drivers of today send. */
    private boolean writeSame(ScsiCommand command, long address, long count) {
        int flags = command.byteAt(1);
        if (info.readOnly()) {
            return command.fail(Sense.WRITE_PROTECTED);
        }
        long blocks = count == 0 ? blocks() - address : count;
        if ((flags & (PROTECTION | 0x17)) != 0 || blocks > DiskPages.MOST_BLOCKS) {
            return command.fail(Sense.INVALID_FIELD_IN_CDB);
        }
        if (!inside(address, blocks)) {
            return command.fail(Sense.LBA_OUT_OF_RANGE);
        }
        if (command.dataOut < block) {
            command.response = ScsiCommand.S_OVERRUN;
            return false;
        }
        for (int i = 0; i < block; i++) {
            if (command.reader.readByte() != 0) {
                return command.fail(Sense.INVALID_FIELD_IN_PARAMETER_LIST);
            }
        }
        command.moved = block;
        command.request.prepare(Operation.WRITE_ZEROES, address * block, blocks * block,
                (flags & UNMAP_BIT) != 0 ? BlockRequest.MAY_UNMAP : 0);
        return true;
    }

    private boolean unmap(ScsiCommand command) {
        long length = command.value(7, 2);
        if (info.readOnly()) {
            return command.fail(Sense.WRITE_PROTECTED);
        }
        if (info.discardGranularity() == 0) {
            return command.fail(Sense.INVALID_OPERATION_CODE);
        }
        if (length == 0) {
            return command.done();
        }
        if (length < UNMAP_HEADER || length > command.dataOut) {
            return command.fail(Sense.PARAMETER_LIST_LENGTH_ERROR);
        }
        command.moved = length;
        command.reader.skip(2);
        long descriptors = bigEndian(command, 2);
        command.reader.skip(4);
        if (descriptors == 0) {
            return command.done();
        }
        // One range, as the block limits page says.
        if (descriptors != UNMAP_DESCRIPTOR || length < UNMAP_HEADER + UNMAP_DESCRIPTOR) {
            return command.fail(Sense.INVALID_FIELD_IN_PARAMETER_LIST);
        }
        long address = bigEndian(command, 8);
        long count = bigEndian(command, 4);
        if (count > DiskPages.MOST_BLOCKS) {
            return command.fail(Sense.INVALID_FIELD_IN_PARAMETER_LIST);
        }
        if (!inside(address, count)) {
            return command.fail(Sense.LBA_OUT_OF_RANGE);
        }
        command.request.prepare(Operation.DISCARD, address * block, count * block, 0);
        return true;
    }

    private static long bigEndian(ScsiCommand command, int size) {
        return Long.reverseBytes(command.reader.readLittleEndian(size)) >>> 64 - 8 * size;
    }

    @Override
    public void close() {
        disk.close();
    }
}
