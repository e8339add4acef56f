package dev.vz.virtio.scsi;

import dev.vz.block.BlockInfo;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What a disk says of itself: INQUIRY with its pages (SPC-4, 6.6 and 7.8; SBC-3, 6.5), mode pages and capacity. Big-endian. */
final class DiskPages {

    /** The most blocks of one UNMAP or WRITE SAME. */
    static final int MOST_BLOCKS = 1 << 22;

    private static final String VENDOR = "Vz      ";
    private static final String PRODUCT = "Virtual disk    ";
    private static final String REVISION = "1   ";
    private static final int VPD_HEADER = 4;
    private static final int[] PAGES = {0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2};

    private final BlockInfo info;
    private final int block;
    private final byte[] serial;

    DiskPages(BlockInfo info, int block, String serial) {
        this.info = info;
        this.block = block;
        this.serial = serial.getBytes(StandardCharsets.US_ASCII);
    }

    private boolean unmaps() {
        return info.discardGranularity() > 0 && !info.readOnly();
    }

    /** Standard INQUIRY data of a disk, or of a logical unit that is not there. */
    static byte[] inquiry(boolean present) {
        ByteBuffer data = ByteBuffer.allocate(36);
        data.put(0, (byte) (present ? 0 : 0x7F)).put(2, (byte) 6).put(3, (byte) 0x12).put(4, (byte) 31);
        data.put(7, (byte) 2); // CMDQUE: tags, in any order
        data.put(8, (VENDOR + PRODUCT + REVISION).getBytes(StandardCharsets.US_ASCII));
        return data.array();
    }

    /** A page of vital product data; {@code null} if there is no such page. */
    byte @Nullable [] vitalProductData(int page) {
        byte[] content = switch (page) {
            case 0x00 -> supportedPages();
            case 0x80 -> serial;
            case 0x83 -> identification();
            case 0xB0 -> limits();
            case 0xB1 -> characteristics();
            case 0xB2 -> provisioning();
            default -> null;
        };
        if (content == null) {
            return null;
        }
        return ByteBuffer.allocate(VPD_HEADER + content.length).put(1, (byte) page)
                .putShort(2, (short) content.length).put(VPD_HEADER, content).array();
    }

    private static byte[] supportedPages() {
        var pages = new byte[PAGES.length];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = (byte) PAGES[i];
        }
        return pages;
    }

    /** One designator of the logical unit: vendor and serial number, in ASCII. */
    private byte[] identification() {
        byte[] name = (VENDOR + new String(serial, StandardCharsets.US_ASCII)).getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(4 + name.length).put(0, (byte) 2).put(1, (byte) 1).put(3, (byte) name.length)
                .put(4, name).array();
    }

    private byte[] limits() {
        ByteBuffer page = ByteBuffer.allocate(60);
        int most = info.maxTransfer() / block;
        page.putInt(4, most).putInt(8, Math.min(most, info.optimalTransfer() / block));
        if (unmaps()) {
            page.putInt(16, MOST_BLOCKS).putInt(20, 1);
            page.putInt(24, Math.max(1, info.discardGranularity() / block));
        }
        page.putLong(32, MOST_BLOCKS);
        return page.array();
    }

    private byte[] characteristics() {
        // Rate of rotation: 1 says that nothing rotates, 0 that it is not told.
        return ByteBuffer.allocate(60).putShort(0, (short) (info.rotational() ? 0 : 1)).array();
    }

    private byte[] provisioning() {
        // LBPU, LBPWS and LBPWS10: UNMAP, and WRITE SAME of both lengths with its UNMAP bit.
        return new byte[] {0, (byte) (unmaps() ? 0xE0 : 0), (byte) (unmaps() ? 2 : 0), 0};
    }

    // ------------------------------------------------------------------------------------------------ mode, capacity

    /**
     * The mode parameters that MODE SENSE returns, with a header of 4 or 8 bytes.
     *
     * @param control 0 the current values, 1 a mask of those that can be changed, 2 the default values
     * @return {@code null} if there is no such page
     */
    byte @Nullable [] modeSense(int page, int control, boolean longHeader) {
        byte[] caching = {0x08, 18, (byte) (control == 1 ? 0 : 4), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        byte[] pages = switch (page) {
            case 0x08, 0x3F -> caching;
            case 0x00 -> new byte[0];
            default -> null;
        };
        if (pages == null) {
            return null;
        }
        // DPOFUA: writes can be made durable one by one; WP.
        byte specific = (byte) (0x10 | (info.readOnly() ? 0x80 : 0));
        if (longHeader) {
            return ByteBuffer.allocate(8 + pages.length).putShort(0, (short) (6 + pages.length)).put(3, specific)
                    .put(8, pages).array();
        }
        return ByteBuffer.allocate(4 + pages.length).put(0, (byte) (3 + pages.length)).put(2, specific).put(4, pages)
                .array();
    }

    /** READ CAPACITY (10) (SBC-3, 5.15). */
    byte[] capacity10(long blocks) {
        return ByteBuffer.allocate(8).putInt(0, (int) Math.min(0xFFFF_FFFFL, blocks - 1)).putInt(4, block).array();
    }

    /** READ CAPACITY (16) (SBC-3, 5.16). */
    byte[] capacity16(long blocks) {
        int exponent = 31 - Integer.numberOfLeadingZeros(Math.max(1, info.physicalBlockSize() / block));
        return ByteBuffer.allocate(32).putLong(0, blocks - 1).putInt(8, block).put(13, (byte) exponent)
                .put(14, (byte) (unmaps() ? 0x80 : 0)).array();
    }

    /** REPORT LUNS (SPC-4, 6.33) of a target whose only logical unit is 0. */
    static byte[] luns() {
        return Arrays.copyOf(new byte[] {0, 0, 0, 8}, 16);
    }
}
