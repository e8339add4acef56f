package dev.vz.machine.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.display.Screen;
import dev.vz.error.ConfigurationException;
import dev.vz.machine.boot.Framebuffer;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FramebufferDisplayTest {

    private static final long ADDRESS = 0x10000;
    private static final Framebuffer FRAMEBUFFER = new Framebuffer(ADDRESS, 64, 64);

    private final Arena arena = Arena.ofShared();
    private final GuestMemory memory = GuestMemory.of();
    private final List<String> calls = new ArrayList<>();
    private final Screen screen = new Screen() {
        @Override
        public void resize(int width, int height) {
            calls.add("resize " + width + " " + height);
        }

        @Override
        public void update(MemorySegment pixels, int stride, Rectangle damage) {
            int corner = pixels.get(ValueLayout.JAVA_INT_UNALIGNED, (long) damage.y() * stride + damage.x() * 4L);
            calls.add("update " + damage.x() + " " + damage.y() + " " + damage.width() + " " + damage.height() + " "
                    + Integer.toHexString(corner));
        }

        @Override
        public void cursor(Cursor cursor) {
            calls.add("cursor");
        }
    };

    @AfterEach
    void closeAll() {
        memory.close();
        arena.close();
    }

    private void draw(int x, int y, int colour) {
        memory.writeInt(ADDRESS + (long) y * FRAMEBUFFER.stride() + x * 4L, colour);
    }

    @Test
    void the_first_refresh_shows_everything_and_later_ones_what_has_changed() {
        memory.add(MemoryRegion.borrowed(ADDRESS, arena.allocate(FRAMEBUFFER.size(), 4096)));
        draw(0, 0, 0x112233);
        try (var display = new FramebufferDisplay(memory, FRAMEBUFFER, screen)) {
            assertThat(calls).isEmpty();
            assertThat(display.refresh()).isTrue();
            assertThat(calls).containsExactly("resize 64 64", "update 0 0 64 64 112233");
            calls.clear();
            assertThat(display.refresh()).isFalse();
            draw(5, 7, 0xAA0000);
            draw(9, 7, 1);
            draw(6, 8, 2);
            assertThat(display.refresh()).isTrue();
            draw(63, 63, 3);
            assertThat(display.refresh()).isTrue();
            assertThat(display.refresh()).isFalse();
            assertThat(calls).containsExactly("update 5 7 5 2 aa0000", "update 63 63 1 1 3");
        }
    }

    @Test
    void a_framebuffer_outside_the_guests_memory_is_refused() {
        assertThatThrownBy(() -> new FramebufferDisplay(memory, FRAMEBUFFER, screen))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("0x10000");
    }
}
