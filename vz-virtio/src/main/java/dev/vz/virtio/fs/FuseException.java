package dev.vz.virtio.fs;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.nio.file.ProviderMismatchException;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.Map;

/** A request fails with this error number of Linux. Carries no stack: a guest may ask for as many as it likes. */
final class FuseException extends IOException {

    private static final long serialVersionUID = 1L;

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EIO = 5;
    static final int EBADF = 9;
    static final int EACCES = 13;
    static final int EEXIST = 17;
    static final int EXDEV = 18;
    static final int ENOTDIR = 20;
    static final int EISDIR = 21;
    static final int EINVAL = 22;
    static final int ENFILE = 23;
    static final int EMFILE = 24;
    static final int EFBIG = 27;
    static final int ENOSPC = 28;
    static final int EROFS = 30;
    static final int ENAMETOOLONG = 36;
    static final int ENOSYS = 38;
    static final int ENOTEMPTY = 39;
    static final int ELOOP = 40;
    static final int EILSEQ = 84;
    static final int EOPNOTSUPP = 95;
    static final int EDQUOT = 122;
    static final int ESTALE = 116;

    /** What the Java library leaves of an error number: its text, as glibc has it. */
    private static final Map<String, Integer> TEXTS = Map.ofEntries(Map.entry("Operation not permitted", EPERM),
            Map.entry("No such file or directory", ENOENT), Map.entry("Permission denied", EACCES),
            Map.entry("File exists", EEXIST), Map.entry("Invalid cross-device link", EXDEV),
            Map.entry("Not a directory", ENOTDIR), Map.entry("Is a directory", EISDIR),
            Map.entry("Invalid argument", EINVAL), Map.entry("Too many open files", EMFILE),
            Map.entry("File too large", EFBIG), Map.entry("No space left on device", ENOSPC),
            Map.entry("Read-only file system", EROFS), Map.entry("File name too long", ENAMETOOLONG),
            Map.entry("Directory not empty", ENOTEMPTY), Map.entry("Too many levels of symbolic links", ELOOP),
            Map.entry("Disk quota exceeded", EDQUOT), Map.entry("Operation not supported", EOPNOTSUPP));

    private final int errno;

    FuseException(int errno) {
        super("error " + errno);
        this.errno = errno;
    }

    int errno() {
        return errno;
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }

    /** The error number for what a call of the host ended with. */
    static int errno(Exception failure) {
        return switch (failure) {
            case FuseException own -> own.errno;
            case HostException host -> host.errno() == 0 ? EIO : host.errno();
            case NoSuchFileException none -> ENOENT;
            case FileAlreadyExistsException there -> EEXIST;
            case DirectoryNotEmptyException full -> ENOTEMPTY;
            case AccessDeniedException denied -> EACCES;
            case NotDirectoryException file -> ENOTDIR;
            case NotLinkException file -> EINVAL;
            case FileSystemLoopException loop -> ELOOP;
            case AtomicMoveNotSupportedException across -> EXDEV;
            case FileSystemException other -> TEXTS.getOrDefault(String.valueOf(other.getReason()), EIO);
            case CharacterCodingException name -> EILSEQ;
            case InvalidPathException name -> EILSEQ;
            case ReadOnlyFileSystemException archive -> EROFS;
            case ProviderMismatchException across -> EXDEV;
            case UnsupportedOperationException missing -> EOPNOTSUPP;
            case IOException other -> TEXTS.getOrDefault(String.valueOf(other.getMessage()), EIO);
            default -> EIO;
        };
    }
}
