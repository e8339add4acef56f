package dev.vz.machine.display;

import dev.vz.display.Screen;
import dev.vz.display.Screen.Rectangle;
import dev.vz.error.ConfigurationException;
import dev.vz.machine.boot.Framebuffer;
import dev.vz.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Shows a framebuffer on a screen: each {@link #refresh} hands over what the guest has drawn since the one before.
 *
 * <p>
 * It compares the pixels with those that it handed over last, row by row, instead of asking the hypervisor which pages were
 * written: that answer can be asked for by one only, and belongs to whoever copies a machine while it runs. Used by one
 * thread, while the machine is open.
 */
public final class FramebufferDisplay implements AutoCloseable {

    private static final int PIXEL = 4;

    private final Framebuffer framebuffer;
    private final Screen screen;
    private final MemorySegment pixels;
    private final Arena arena = Arena.ofConfined();
    /** What the screen has. It gets this copy, which the guest cannot change while it is looked at. */
    private final MemorySegment shown;
    private boolean sized;

    /**
     * Shows {@code framebuffer} on {@code screen}, from the first {@link #refresh} on.
     *
     * @throws ConfigurationException if it does not lie in {@code memory}
     */
    public FramebufferDisplay(GuestMemory memory, Framebuffer framebuffer, Screen screen) {
        this.framebuffer = framebuffer;
        this.screen = screen;
        @Nullable
        MemorySegment slice = memory.slice(framebuffer.address(), framebuffer.size());
        if (slice == null) {
            throw new ConfigurationException("The framebuffer's " + framebuffer.size() + " bytes at 0x"
                    + Long.toHexString(framebuffer.address()) + " are not in one region of the guest's memory");
        }
        pixels = slice;
        shown = arena.allocate(framebuffer.size(), Long.BYTES);
    }

    /** Hands over what has changed, the whole picture the first time; {@code false} if nothing has. */
    public boolean refresh() {
        if (!sized) {
            sized = true;
            screen.resize(framebuffer.width(), framebuffer.height());
            shown.copyFrom(pixels);
            screen.update(shown, framebuffer.stride(),
                    new Rectangle(0, 0, framebuffer.width(), framebuffer.height()));
            return true;
        }
        Rectangle damage = copyChanges();
        if (damage.isEmpty()) {
            return false;
        }
        screen.update(shown, framebuffer.stride(), damage);
        return true;
    }

    private Rectangle copyChanges() {
        int stride = framebuffer.stride();
        int left = framebuffer.width();
        int right = 0;
        int top = framebuffer.height();
        int bottom = 0;
        for (int y = 0; y < framebuffer.height(); y++) {
            long start = (long) y * stride;
            long end = start + stride;
            long first = MemorySegment.mismatch(pixels, start, end, shown, start, end);
            if (first < 0) {
                continue;
            }
            // The guest may draw on: what is copied here is what counts, and later changes differ from it again.
            int from = (int) (first / PIXEL);
            int to = lastChange(start, from) + 1;
            MemorySegment.copy(pixels, start + (long) from * PIXEL, shown, start + (long) from * PIXEL,
                    (long) (to - from) * PIXEL);
            left = Math.min(left, from);
            right = Math.max(right, to);
            top = Math.min(top, y);
            bottom = y + 1;
        }
        return right == 0 ? new Rectangle(0, 0, 0, 0) : new Rectangle(left, top, right - left, bottom - top);
    }

    private int lastChange(long row, int first) {
        int x = framebuffer.width() - 1;
        while (x > first && pixels.get(ValueLayout.JAVA_INT_UNALIGNED, row + (long) x * PIXEL) == shown
                .get(ValueLayout.JAVA_INT_UNALIGNED, row + (long) x * PIXEL)) {
            x--;
        }
        return x;
    }

    /** Hands over nothing more. The screen stays the caller's. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
