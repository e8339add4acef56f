package dev.vz.machine.boot;

/**
 * A linear framebuffer that the guest finds already set up, as firmware leaves one behind. Pixels are 4 bytes: blue, green,
 * red, unused.
 *
 * @param address guest-physical
 * @param width   pixels
 * @param height  pixels
 */
public record Framebuffer(long address, int width, int height) {

    /** Bytes from one row to the next. */
    public int stride() {
        return width * 4;
    }

    /** Bytes of the picture. */
    public long size() {
        return (long) stride() * height;
    }
}
