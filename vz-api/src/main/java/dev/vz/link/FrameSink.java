package dev.vz.link;

/** Takes frames. */
@FunctionalInterface
public interface FrameSink {

    /**
     * Takes the first frames of {@code batch}, as many as it has room for; the bytes are borrowed until it returns.
     *
     * <p>
     * Does not block and does not throw for what a frame says: a frame it cannot use counts as taken and is dropped. What
     * is not taken may be offered again or dropped by the caller; the caller counts it.
     *
     * @return how many frames were taken
     */
    int accept(FrameBatch batch);

    /**
     * What it can take beyond finished frames. Asked when it is given to {@link LinkPort#receive}; a sink whose answer
     * changes is given again.
     */
    default LinkFeatures features() {
        return LinkFeatures.all();
    }
}
