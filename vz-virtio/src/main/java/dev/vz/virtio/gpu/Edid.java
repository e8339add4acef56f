package dev.vz.virtio.gpu;

import java.nio.charset.StandardCharsets;

/** A display's description, after VESA's E-EDID 1.4: 128 bytes that name the display and one timing. */
final class Edid {

    static final int BYTES = 128;
    private static final int REFRESH = 60;
    private static final int DETAILED = 54;
    private static final int NAME = 72;
    private static final int RANGE = 90;
    private static final int DUMMY = 108;
    private static final int DOTS_PER_INCH = 96;

    private Edid() {}

    static byte[] of(int width, int height) {
        var e = new byte[BYTES];
        for (int i = 1; i < 7; i++) {
            e[i] = -1;
        }
        // Manufacturer "VZV" in three letters of five bits, then product, serial, week and year of manufacture.
        int letters = 'V' - '@' << 10 | 'Z' - '@' << 5 | 'V' - '@';
        e[8] = (byte) (letters >>> 8);
        e[9] = (byte) letters;
        e[10] = 1;
        e[16] = 1;
        e[17] = 36;
        e[18] = 1;
        e[19] = 4;
        e[20] = (byte) 0xA5;
        int millimetresWide = Math.min(2550, width * 254 / DOTS_PER_INCH / 10);
        int millimetresHigh = Math.min(2550, height * 254 / DOTS_PER_INCH / 10);
        e[21] = (byte) (millimetresWide / 10);
        e[22] = (byte) (millimetresHigh / 10);
        e[23] = 120;
        e[24] = 6;
        for (int i = 38; i < DETAILED; i++) {
            e[i] = 1;
        }
        timing(e, width, height, millimetresWide, millimetresHigh);
        text(e, NAME, 0xFC, "Vz Display");
        e[RANGE + 3] = (byte) 0xFD;
        e[RANGE + 5] = 50;
        e[RANGE + 6] = 125;
        e[RANGE + 7] = 30;
        e[RANGE + 8] = (byte) 160;
        e[RANGE + 9] = (byte) 255;
        e[RANGE + 10] = 1;
        e[RANGE + 11] = 10;
        for (int i = 12; i < 18; i++) {
            e[RANGE + i] = ' ';
        }
        e[DUMMY + 3] = 0x10;
        int sum = 0;
        for (byte b : e) {
            sum += b;
        }
        e[BYTES - 1] = (byte) -sum;
        return e;
    }

    private static void timing(byte[] e, int width, int height, int millimetresWide, int millimetresHigh) {
        int horizontalBlank = width * 35 / 100;
        int verticalBlank = height * 35 / 1000;
        int horizontalFront = width * 25 / 100;
        int horizontalSync = width * 3 / 100;
        int verticalFront = Math.max(1, height * 5 / 1000);
        int verticalSync = Math.max(1, height * 5 / 1000);
        long clock = (long) REFRESH * (width + horizontalBlank) * (height + verticalBlank) / 10_000;
        int c = (int) Math.min(clock, 0xFFFF);
        int at = DETAILED;
        e[at] = (byte) c;
        e[at + 1] = (byte) (c >>> 8);
        e[at + 2] = (byte) width;
        e[at + 3] = (byte) horizontalBlank;
        e[at + 4] = (byte) ((width >>> 8 & 0xF) << 4 | horizontalBlank >>> 8 & 0xF);
        e[at + 5] = (byte) height;
        e[at + 6] = (byte) verticalBlank;
        e[at + 7] = (byte) ((height >>> 8 & 0xF) << 4 | verticalBlank >>> 8 & 0xF);
        e[at + 8] = (byte) horizontalFront;
        e[at + 9] = (byte) horizontalSync;
        e[at + 10] = (byte) ((verticalFront & 0xF) << 4 | verticalSync & 0xF);
        e[at + 11] = (byte) ((horizontalFront >>> 8 & 3) << 6 | (horizontalSync >>> 8 & 3) << 4
                | (verticalFront >>> 4 & 3) << 2 | verticalSync >>> 4 & 3);
        e[at + 12] = (byte) millimetresWide;
        e[at + 13] = (byte) millimetresHigh;
        e[at + 14] = (byte) ((millimetresWide >>> 8 & 0xF) << 4 | millimetresHigh >>> 8 & 0xF);
        e[at + 17] = 0x18;
    }

    private static void text(byte[] e, int at, int kind, String text) {
        e[at + 3] = (byte) kind;
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < 13; i++) {
            e[at + 5 + i] = i < ascii.length ? ascii[i] : i == ascii.length ? (byte) '\n' : (byte) ' ';
        }
    }
}
