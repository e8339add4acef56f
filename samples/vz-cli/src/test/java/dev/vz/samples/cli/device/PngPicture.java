package dev.vz.samples.cli.device;

import dev.vz.display.Screen;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import org.jspecify.annotations.Nullable;

/** A screen that keeps the picture, and can write it to a file as PNG: 8 bits each of red, green and blue. Thread-safe. */
final class PngPicture implements Screen {

    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    private static final ValueLayout.OfInt PIXEL = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private int width;
    private int height;
    private int[] pixels = {};

    @Override
    public synchronized void resize(int newWidth, int newHeight) {
        width = newWidth;
        height = newHeight;
        pixels = new int[width * height];
    }

    @Override
    public synchronized void update(MemorySegment picture, int stride, Rectangle damage) {
        for (int y = damage.y(); y < damage.y() + damage.height(); y++) {
            for (int x = damage.x(); x < damage.x() + damage.width(); x++) {
                pixels[y * width + x] = picture.get(PIXEL, (long) y * stride + 4L * x) & 0xFFFFFF;
            }
        }
    }

    @Override
    public void cursor(@Nullable Cursor cursor) {
        // A console draws its own.
    }

    /** Pixels from left to right; 0 before there is a picture. */
    synchronized int width() {
        return width;
    }

    /** Red, green and blue, 8 bits each from the top. */
    synchronized int pixel(int x, int y) {
        return pixels[y * width + x];
    }

    /** How many pixels of a part of the picture have that colour. */
    synchronized int count(Rectangle part, int colour) {
        int count = 0;
        for (int y = part.y(); y < part.y() + part.height(); y++) {
            for (int x = part.x(); x < part.x() + part.width(); x++) {
                count += pixel(x, y) == colour ? 1 : 0;
            }
        }
        return count;
    }

    synchronized void write(Path file) throws IOException {
        var header = new ByteArrayOutputStream();
        var fields = new DataOutputStream(header);
        fields.writeInt(width);
        fields.writeInt(height);
        // 8 bits a sample, three samples, and the only methods that there are.
        fields.write(new byte[] {8, 2, 0, 0, 0});
        var data = new ByteArrayOutputStream();
        try (var rows = new DeflaterOutputStream(data)) {
            for (int y = 0; y < height; y++) {
                rows.write(0); // no filter
                for (int x = 0; x < width; x++) {
                    int colour = pixel(x, y);
                    rows.write(new byte[] {(byte) (colour >> 16), (byte) (colour >> 8), (byte) colour});
                }
            }
        }
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(SIGNATURE);
            chunk(out, "IHDR", header.toByteArray());
            chunk(out, "IDAT", data.toByteArray());
            chunk(out, "IEND", new byte[0]);
        }
    }

    private static void chunk(OutputStream out, String type, byte[] content) throws IOException {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        var sum = new CRC32();
        sum.update(name);
        sum.update(content);
        var fields = new DataOutputStream(out);
        fields.writeInt(content.length);
        fields.write(name);
        fields.write(content);
        fields.writeInt((int) sum.getValue());
    }
}
