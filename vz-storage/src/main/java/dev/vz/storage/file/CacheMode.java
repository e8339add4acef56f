package dev.vz.storage.file;

/** What a completed write means for the host's own cache. */
public enum CacheMode {
    /** A write is in the host's page cache; a flush makes it durable. */
    WRITEBACK,
    /** A write is durable when it completes. */
    WRITETHROUGH,
    /** A write is in the host's page cache, and a flush does nothing: for scratch images only. */
    UNSAFE
}
