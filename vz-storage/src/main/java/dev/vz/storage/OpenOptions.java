package dev.vz.storage;

import dev.vz.storage.file.CacheMode;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.FileGate;

/**
 * How an image is opened.
 *
 * @param readOnly  whether writes are refused
 * @param cacheMode what a completed write means
 * @param gate      decides about files that the image names
 * @param budget    what the image may cost
 * @param engine    which threads move data
 */
public record OpenOptions(boolean readOnly, CacheMode cacheMode, FileGate gate, Budget budget, IoEngine engine) {

    /** For reading and writing, writeback, no further files, the default budget, on the caller's thread. */
    public static final OpenOptions DEFAULT = new OpenOptions(false, CacheMode.WRITEBACK, FileGate.refusing(),
            Budget.DEFAULT, IoEngine.inline());

    /** The same, for reading only or not. */
    public OpenOptions withReadOnly(boolean readOnly) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine);
    }

    /** The same with another cache mode. */
    public OpenOptions withCacheMode(CacheMode cacheMode) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine);
    }

    /** The same with another gate. */
    public OpenOptions withGate(FileGate gate) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine);
    }

    /** The same with another budget. */
    public OpenOptions withBudget(Budget budget) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine);
    }

    /** The same with another engine. */
    public OpenOptions withEngine(IoEngine engine) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine);
    }
}
