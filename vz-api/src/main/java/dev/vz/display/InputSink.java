package dev.vz.display;

/**
 * A device that takes a person's input to the guest. Called by whoever shows the screen; any thread, does not block.
 */
public interface InputSink {

    /**
     * A key went down or up.
     *
     * @param code key code of the Linux input layer ({@code KEY_A} is 30)
     * @param down whether it went down
     */
    void key(int code, boolean down);

    /**
     * The pointer is here now.
     *
     * @param x       0 to {@code width - 1}
     * @param y       0 to {@code height - 1}
     * @param width   of the picture that was pointed at, in pixels
     * @param height  of the picture that was pointed at, in pixels
     * @param buttons bit 0 left, bit 1 middle, bit 2 right
     */
    void pointer(int x, int y, int width, int height, int buttons);

    /**
     * The wheel turned.
     *
     * @param horizontal steps to the right
     * @param vertical   steps up
     */
    void wheel(int horizontal, int vertical);
}
