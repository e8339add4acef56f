package dev.vz.storage.filter;

import dev.vz.error.ConfigurationException;

/**
 * How a cache behaves.
 *
 * @param lineSize  bytes that are kept together, a power of two from 512 to 1 MiB
 * @param lines     how many of them, 2 or more
 * @param policy    which line makes room
 * @param mode      what a write does
 * @param readAhead lines that are read in advance once a reader goes on and on; 0 for none
 * @param threads   threads that do what has to wait for the device below; 0 to let the submitter wait
 */
public record CacheOptions(int lineSize, int lines, Policy policy, Mode mode, int readAhead, int threads) {

    /** Which line makes room. */
    public enum Policy {
        /** The one that was not used for the longest time. */
        LRU,
        /** CLOCK-Pro: proof against scans, cheap on hits. */
        CLOCK_PRO,
        /** W-TinyLFU: the one that is asked for least often. */
        TINY_LFU
    }

    /** What a write does. */
    public enum Mode {
        /** It is in the cache when it completes; a flush makes it durable. */
        WRITEBACK,
        /** It is durable when it completes. */
        WRITETHROUGH,
        /** Reads and writes pass the cache by. */
        NONE,
        /** It is in the cache when it completes, and a flush does nothing: for disks whose loss does not matter. */
        UNSAFE
    }

    /** 16 MiB in lines of 16 KiB, CLOCK-Pro, writeback, 8 lines ahead, two threads. */
    public static final CacheOptions DEFAULT = new CacheOptions(16 * 1024, 1024, Policy.CLOCK_PRO, Mode.WRITEBACK, 8,
            2);

    /** Checks the numbers. */
    public CacheOptions {
        if (lineSize < 512 || lineSize > 1 << 20 || Integer.bitCount(lineSize) != 1) {
            throw new ConfigurationException("A cache's line is a power of two from 512 bytes to 1 MiB, not "
                    + lineSize);
        }
        if (lines < 2 || (long) lines * lineSize > 1L << 40) {
            throw new ConfigurationException("A cache has 2 lines or more and 1 TiB at most, not " + lines + " of "
                    + lineSize + " bytes");
        }
        if (readAhead < 0 || readAhead > lines / 2 || threads < 0 || threads > 256) {
            throw new ConfigurationException("A cache of " + lines + " lines reads 0 to half as many ahead, on 0 to"
                    + " 256 threads, not " + readAhead + " on " + threads);
        }
    }

    /** The same with another size. */
    public CacheOptions withLines(int lineSize, int lines) {
        return new CacheOptions(lineSize, lines, policy, mode, Math.min(readAhead, lines / 2), threads);
    }

    /** The same with another policy. */
    public CacheOptions withPolicy(Policy policy) {
        return new CacheOptions(lineSize, lines, policy, mode, readAhead, threads);
    }

    /** The same with another mode. */
    public CacheOptions withMode(Mode mode) {
        return new CacheOptions(lineSize, lines, policy, mode, readAhead, threads);
    }

    /** The same with another read-ahead. */
    public CacheOptions withReadAhead(int lines) {
        return new CacheOptions(lineSize, this.lines, policy, mode, lines, threads);
    }

    /** The same with another number of threads. */
    public CacheOptions withThreads(int threads) {
        return new CacheOptions(lineSize, lines, policy, mode, readAhead, threads);
    }
}
