package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What the kernel can be told about a range of memory: madvise(2). */
public enum Advice {
    /** No special treatment. */
    NORMAL,
    /** Accesses will be random: read no further than asked. */
    RANDOM,
    /** Accesses will be sequential: read ahead. */
    SEQUENTIAL,
    /** Will be needed soon: start reading. */
    WILL_NEED,
    /**
     * Give the pages back now. Private anonymous memory reads as zero afterwards; a shared file keeps its contents.
     */
    DO_NOT_NEED,
    /** Give the pages back when memory is short; until rewritten they may read as before or as zero. */
    FREE,
    /** Give the pages back and punch a hole in the shared file behind them, which reads as zero afterwards. */
    REMOVE,
    /** A child process does not inherit the range. */
    DO_NOT_FORK,
    /** A child process inherits the range. */
    FORK,
    /** Pages with equal contents may be merged (KSM). */
    MERGEABLE,
    /** Merged pages are parted again. */
    UNMERGEABLE,
    /** Use transparent huge pages. */
    HUGE_PAGE,
    /** Use no transparent huge pages. */
    NO_HUGE_PAGE,
    /** Leave the range out of core dumps. */
    DO_NOT_DUMP,
    /** Include the range in core dumps. */
    DUMP,
    /** Not used for a while: reclaim it before other memory. */
    COLD,
    /** Write it to swap now. */
    PAGE_OUT,
    /** Fault all pages in for reading. */
    POPULATE_READ,
    /** Fault all pages in for writing. */
    POPULATE_WRITE;

    // Looked up when used, not when this class is initialized: the bindings need native access, and a program that lacks
    // it is to be told so by NativeAccess.
    int value() {
        return switch (this) {
            case NORMAL -> LinuxHeaders.MADV_NORMAL();
            case RANDOM -> LinuxHeaders.MADV_RANDOM();
            case SEQUENTIAL -> LinuxHeaders.MADV_SEQUENTIAL();
            case WILL_NEED -> LinuxHeaders.MADV_WILLNEED();
            case DO_NOT_NEED -> LinuxHeaders.MADV_DONTNEED();
            case FREE -> LinuxHeaders.MADV_FREE();
            case REMOVE -> LinuxHeaders.MADV_REMOVE();
            case DO_NOT_FORK -> LinuxHeaders.MADV_DONTFORK();
            case FORK -> LinuxHeaders.MADV_DOFORK();
            case MERGEABLE -> LinuxHeaders.MADV_MERGEABLE();
            case UNMERGEABLE -> LinuxHeaders.MADV_UNMERGEABLE();
            case HUGE_PAGE -> LinuxHeaders.MADV_HUGEPAGE();
            case NO_HUGE_PAGE -> LinuxHeaders.MADV_NOHUGEPAGE();
            case DO_NOT_DUMP -> LinuxHeaders.MADV_DONTDUMP();
            case DUMP -> LinuxHeaders.MADV_DODUMP();
            case COLD -> LinuxHeaders.MADV_COLD();
            case PAGE_OUT -> LinuxHeaders.MADV_PAGEOUT();
            case POPULATE_READ -> LinuxHeaders.MADV_POPULATE_READ();
            case POPULATE_WRITE -> LinuxHeaders.MADV_POPULATE_WRITE();
        };
    }
}
