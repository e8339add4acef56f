package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What the kernel can be told about a range of memory: madvise(2). */
public enum Advice {
    /** No special treatment. */
    NORMAL(LinuxHeaders.MADV_NORMAL()),
    /** Accesses will be random: read no further than asked. */
    RANDOM(LinuxHeaders.MADV_RANDOM()),
    /** Accesses will be sequential: read ahead. */
    SEQUENTIAL(LinuxHeaders.MADV_SEQUENTIAL()),
    /** Will be needed soon: start reading. */
    WILL_NEED(LinuxHeaders.MADV_WILLNEED()),
    /**
     * Give the pages back now. Private anonymous memory reads as zero afterwards; a shared file keeps its contents.
     */
    DO_NOT_NEED(LinuxHeaders.MADV_DONTNEED()),
    /** Give the pages back when memory is short; until rewritten they may read as before or as zero. */
    FREE(LinuxHeaders.MADV_FREE()),
    /** Give the pages back and punch a hole in the shared file behind them, which reads as zero afterwards. */
    REMOVE(LinuxHeaders.MADV_REMOVE()),
    /** A child process does not inherit the range. */
    DO_NOT_FORK(LinuxHeaders.MADV_DONTFORK()),
    /** A child process inherits the range. */
    FORK(LinuxHeaders.MADV_DOFORK()),
    /** Pages with equal contents may be merged (KSM). */
    MERGEABLE(LinuxHeaders.MADV_MERGEABLE()),
    /** Merged pages are parted again. */
    UNMERGEABLE(LinuxHeaders.MADV_UNMERGEABLE()),
    /** Use transparent huge pages. */
    HUGE_PAGE(LinuxHeaders.MADV_HUGEPAGE()),
    /** Use no transparent huge pages. */
    NO_HUGE_PAGE(LinuxHeaders.MADV_NOHUGEPAGE()),
    /** Leave the range out of core dumps. */
    DO_NOT_DUMP(LinuxHeaders.MADV_DONTDUMP()),
    /** Include the range in core dumps. */
    DUMP(LinuxHeaders.MADV_DODUMP()),
    /** Not used for a while: reclaim it before other memory. */
    COLD(LinuxHeaders.MADV_COLD()),
    /** Write it to swap now. */
    PAGE_OUT(LinuxHeaders.MADV_PAGEOUT()),
    /** Fault all pages in for reading. */
    POPULATE_READ(LinuxHeaders.MADV_POPULATE_READ()),
    /** Fault all pages in for writing. */
    POPULATE_WRITE(LinuxHeaders.MADV_POPULATE_WRITE());

    private final int value;

    Advice(int value) {
        this.value = value;
    }

    int value() {
        return value;
    }
}
