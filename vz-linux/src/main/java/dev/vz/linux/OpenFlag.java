package dev.vz.linux;

import dev.vz.linux.generated.LinuxHeaders;

/** How {@link FileDescriptor#open} opens: the flags of open(2). Every descriptor is closed on exec. */
public enum OpenFlag {
    /** For reading only, the default. */
    READ,
    /** For writing only. */
    WRITE,
    /** For reading and writing. */
    READ_WRITE,
    /** Create the file if it is not there. */
    CREATE,
    /** With {@link #CREATE}: fail if it is there. */
    EXCLUSIVE,
    /** Cut it to length 0. */
    TRUNCATE,
    /** Every write goes to the end. */
    APPEND,
    /** Calls return {@code EAGAIN} instead of waiting. */
    NONBLOCK,
    /** Past the page cache; addresses, offsets and lengths must be aligned, see {@code FileStatus}. */
    DIRECT,
    /** Every write is on stable storage, with its metadata, before it returns. */
    SYNC,
    /** Every write is on stable storage, with the metadata needed to read it, before it returns. */
    DSYNC,
    /** Only if it is a directory. */
    DIRECTORY,
    /** Not if it is a symbolic link. */
    NO_FOLLOW,
    /** An unnamed file in the directory given. */
    TEMPORARY,
    /** Only the place in the file tree, without opening the file. */
    PATH,
    /** Leave the time of last access as it is. */
    NO_ACCESS_TIME;

    static int bits(OpenFlag... flags) {
        int bits = 0;
        for (OpenFlag flag : flags) {
            bits |= flag.bits();
        }
        return bits;
    }

    // Looked up when used, not when this class is initialized: the bindings need native access, and a program that lacks
    // it is to be told so by NativeAccess.
    private int bits() {
        return switch (this) {
            case READ -> LinuxHeaders.O_RDONLY();
            case WRITE -> LinuxHeaders.O_WRONLY();
            case READ_WRITE -> LinuxHeaders.O_RDWR();
            case CREATE -> LinuxHeaders.O_CREAT();
            case EXCLUSIVE -> LinuxHeaders.O_EXCL();
            case TRUNCATE -> LinuxHeaders.O_TRUNC();
            case APPEND -> LinuxHeaders.O_APPEND();
            case NONBLOCK -> LinuxHeaders.O_NONBLOCK();
            case DIRECT -> LinuxHeaders.O_DIRECT();
            case SYNC -> LinuxHeaders.O_SYNC();
            case DSYNC -> LinuxHeaders.O_DSYNC();
            case DIRECTORY -> LinuxHeaders.O_DIRECTORY();
            case NO_FOLLOW -> LinuxHeaders.O_NOFOLLOW();
            case TEMPORARY -> LinuxHeaders.O_TMPFILE();
            case PATH -> LinuxHeaders.O_PATH();
            case NO_ACCESS_TIME -> LinuxHeaders.O_NOATIME();
        };
    }
}
