package dev.vz.storage;

import dev.vz.storage.file.CacheMode;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.luks.KeySource;
import org.jspecify.annotations.Nullable;

/**
 * How an image is opened.
 *
 * @param readOnly  whether writes are refused
 * @param cacheMode what a completed write means
 * @param gate      decides about files that the image names
 * @param budget    what the image may cost
 * @param engine    which threads move data
 */
public record OpenOptions(boolean readOnly, CacheMode cacheMode, FileGate gate, Budget budget, IoEngine engine,
        boolean backing, boolean asFound, KeySource keys, @Nullable String snapshot) {

    /** For reading and writing, writeback, no further files, the default budget, on the caller's thread. */
    public static final OpenOptions DEFAULT = new OpenOptions(false, CacheMode.WRITEBACK, FileGate.refusing(),
            Budget.DEFAULT, IoEngine.inline(), true, false,
            KeySource.none(), null);

    /** The same, for reading only or not. */
    public OpenOptions withReadOnly(boolean readOnly) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same with another cache mode. */
    public OpenOptions withCacheMode(CacheMode cacheMode) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same with another gate. */
    public OpenOptions withGate(FileGate gate) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same with another budget. */
    public OpenOptions withBudget(Budget budget) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same with another engine. */
    public OpenOptions withEngine(IoEngine engine) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same without the images below: for work on this one's metadata alone. */
    public OpenOptions withoutBacking() {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, false, asFound, keys, snapshot);
    }

    /** The same, for a check. */
    public OpenOptions withAsFound(boolean asFound) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same, showing an internal snapshot. */
    public OpenOptions withSnapshot(@Nullable String snapshot) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }

    /** The same with another source of keys. */
    public OpenOptions withKeys(KeySource keys) {
        return new OpenOptions(readOnly, cacheMode, gate, budget, engine, backing, asFound, keys, snapshot);
    }
}
