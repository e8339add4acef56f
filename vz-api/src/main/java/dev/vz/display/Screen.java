package dev.vz.display;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Somebody who shows what a guest draws: a VNC server, a window, a picture file.
 *
 * <p>
 * Called by the device that draws, by one thread at a time. The pixels are borrowed for the length of a call.
 */
public interface Screen {

    /**
     * The picture has this size from now on; its content comes with the next {@link #update}.
     *
     * @param width  pixels
     * @param height pixels
     */
    void resize(int width, int height);

    /**
     * Part of the picture changed.
     *
     * @param pixels the whole picture: rows from the top, 4 bytes a pixel in the order blue, green, red, unused
     * @param stride bytes from one row to the next
     * @param damage what changed; inside the picture
     */
    void update(MemorySegment pixels, int stride, Rectangle damage);

    /**
     * The pointer's picture changed.
     *
     * @param cursor the new one; {@code null} hides the pointer
     */
    void cursor(@Nullable Cursor cursor);

    /**
     * Part of a picture, in pixels from the top left.
     *
     * @param x      left edge
     * @param y      top edge
     * @param width  0 or more
     * @param height 0 or more
     */
    record Rectangle(int x, int y, int width, int height) {

        /** Whether there is nothing in it. */
        public boolean isEmpty() {
            return width <= 0 || height <= 0;
        }

        /** The part of it that lies in a picture of that size. */
        public Rectangle within(int pictureWidth, int pictureHeight) {
            int left = Math.clamp(x, 0, pictureWidth);
            int top = Math.clamp(y, 0, pictureHeight);
            int right = Math.clamp((long) x + width, left, pictureWidth);
            int bottom = Math.clamp((long) y + height, top, pictureHeight);
            return new Rectangle(left, top, right - left, bottom - top);
        }

        /** The smallest rectangle around both. */
        public Rectangle union(Rectangle other) {
            if (isEmpty()) {
                return other;
            }
            if (other.isEmpty()) {
                return this;
            }
            int left = Math.min(x, other.x);
            int top = Math.min(y, other.y);
            long right = Math.max((long) x + width, (long) other.x + other.width);
            long bottom = Math.max((long) y + height, (long) other.y + other.height);
            return new Rectangle(left, top, (int) Math.min(right - left, Integer.MAX_VALUE),
                    (int) Math.min(bottom - top, Integer.MAX_VALUE));
        }
    }

    /**
     * A pointer's picture.
     *
     * @param width    pixels
     * @param height   pixels
     * @param hotX     the pixel that points
     * @param hotY     the pixel that points
     * @param argb     {@code width * height} pixels, rows from the top: alpha in the highest byte, then red, green, blue
     */
    record Cursor(int width, int height, int hotX, int hotY, int[] argb) {}
}
