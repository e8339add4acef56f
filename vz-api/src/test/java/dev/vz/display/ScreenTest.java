package dev.vz.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.display.Screen.Rectangle;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class ScreenTest {

    @Property
    void cutsDamageToThePicture(@ForAll int x, @ForAll int y, @ForAll int width, @ForAll int height,
            @ForAll @IntRange(min = 0, max = 4096) int pictureWidth,
            @ForAll @IntRange(min = 0, max = 4096) int pictureHeight) {
        Rectangle inside = new Rectangle(x, y, width, height).within(pictureWidth, pictureHeight);
        assertThat(inside.x()).isBetween(0, pictureWidth);
        assertThat(inside.y()).isBetween(0, pictureHeight);
        assertThat(inside.width()).isBetween(0, pictureWidth - inside.x());
        assertThat(inside.height()).isBetween(0, pictureHeight - inside.y());
    }

    @Property
    void coversBothInTheUnion(@ForAll @IntRange(min = -9, max = 9) int x, @ForAll @IntRange(min = 0, max = 9) int width,
            @ForAll @IntRange(min = -9, max = 9) int otherX, @ForAll @IntRange(min = 0, max = 9) int otherWidth) {
        Rectangle one = new Rectangle(x, 0, width, 1);
        Rectangle two = new Rectangle(otherX, 0, otherWidth, 1);
        Rectangle both = one.union(two);
        for (int i = -10; i < 20; i++) {
            boolean within = i >= x && i < x + width || i >= otherX && i < otherX + otherWidth;
            if (within) {
                assertThat(i).isBetween(both.x(), both.x() + both.width() - 1);
            }
        }
        if (one.isEmpty() && two.isEmpty()) {
            assertThat(both.isEmpty()).isTrue();
        }
    }

    @Property
    void staysARectangleAtTheEdgeOfTheNumbers(@ForAll @IntRange(min = 1) int x, @ForAll @IntRange(min = 1) int width) {
        Rectangle both = new Rectangle(x, 0, width, 1).union(new Rectangle(0, 0, 1, 1));
        assertThat(both.width()).isPositive();
    }
}
