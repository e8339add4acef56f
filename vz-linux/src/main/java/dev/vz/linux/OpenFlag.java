package dev.vz.linux;

import dev.vz.linux.generated.LinuxHeaders;

/** How {@link FileDescriptor#open} opens: the flags of open(2). Every descriptor is closed on exec. */
public enum OpenFlag {
    /** For reading only, the default. */
    READ(LinuxHeaders.O_RDONLY()),
    /** For writing only. */
    WRITE(LinuxHeaders.O_WRONLY()),
    /** For reading and writing. */
    READ_WRITE(LinuxHeaders.O_RDWR()),
    /** Create the file if it is not there. */
    CREATE(LinuxHeaders.O_CREAT()),
    /** With {@link #CREATE}: fail if it is there. */
    EXCLUSIVE(LinuxHeaders.O_EXCL()),
    /** Cut it to length 0. */
    TRUNCATE(LinuxHeaders.O_TRUNC()),
    /** Every write goes to the end. */
    APPEND(LinuxHeaders.O_APPEND()),
    /** Calls return {@code EAGAIN} instead of waiting. */
    NONBLOCK(LinuxHeaders.O_NONBLOCK()),
    /** Past the page cache; addresses, offsets and lengths must be aligned, see {@code FileStatus}. */
    DIRECT(LinuxHeaders.O_DIRECT()),
    /** Every write is on stable storage, with its metadata, before it returns. */
    SYNC(LinuxHeaders.O_SYNC()),
    /** Every write is on stable storage, with the metadata needed to read it, before it returns. */
    DSYNC(LinuxHeaders.O_DSYNC()),
    /** Only if it is a directory. */
    DIRECTORY(LinuxHeaders.O_DIRECTORY()),
    /** Not if it is a symbolic link. */
    NO_FOLLOW(LinuxHeaders.O_NOFOLLOW()),
    /** An unnamed file in the directory given. */
    TEMPORARY(LinuxHeaders.O_TMPFILE()),
    /** Only the place in the file tree, without opening the file. */
    PATH(LinuxHeaders.O_PATH()),
    /** Leave the time of last access as it is. */
    NO_ACCESS_TIME(LinuxHeaders.O_NOATIME());

    private final int bits;

    OpenFlag(int bits) {
        this.bits = bits;
    }

    static int bits(OpenFlag... flags) {
        int bits = 0;
        for (OpenFlag flag : flags) {
            bits |= flag.bits;
        }
        return bits;
    }
}
