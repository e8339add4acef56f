package dev.vz.samples.cli.disk;

import dev.vz.block.BlockDevice;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import java.util.Map;

/** What the C library calls the host's errors. */
public final class HostErrors {

    /** The text for EIO. */
    public static final String IO_ERROR = "Input/output error";

    private static final Map<String, String> TEXTS = Map.ofEntries(Map.entry("ENOENT", "No such file or directory"),
            Map.entry("EACCES", "Permission denied"), Map.entry("EPERM", "Operation not permitted"),
            Map.entry("EIO", IO_ERROR), Map.entry("ENOSPC", "No space left on device"),
            Map.entry("EISDIR", "Is a directory"), Map.entry("ENOTDIR", "Not a directory"),
            Map.entry("EROFS", "Read-only file system"), Map.entry("EINVAL", "Invalid argument"),
            Map.entry("EFBIG", "File too large"), Map.entry("EBUSY", "Device or resource busy"),
            Map.entry("EEXIST", "File exists"), Map.entry("ENXIO", "No such device or address"),
            Map.entry("ENAMETOOLONG", "File name too long"), Map.entry("ELOOP", "Too many levels of symbolic links"),
            Map.entry("EDQUOT", "Disk quota exceeded"), Map.entry("EOPNOTSUPP", "Operation not supported"),
            Map.entry("ETXTBSY", "Text file busy"), Map.entry("EMFILE", "Too many open files"));

    private HostErrors() {}

    /** The C library's text where the host named an error, else what the exception says. */
    public static String text(VzException failure) {
        Throwable cause = failure;
        while (cause != null) {
            if (cause instanceof BlockDevice.BlockException block
                    && block.getCause() instanceof IllegalStateException) {
                return text(block);
            }
            if (cause instanceof HostException host && TEXTS.containsKey(host.errnoName())) {
                return TEXTS.get(host.errnoName());
            }
            if (cause instanceof BlockDevice.BlockException block && block.getCause() instanceof VzException inner
                    && !(inner instanceof HostException)) {
                return IO_ERROR;
            }
            cause = cause.getCause();
        }
        return failure.getMessage();
    }

    private static String text(BlockDevice.BlockException block) {
        return switch (block.result()) {
            case NO_SPACE -> "No space left on device";
            case READ_ONLY -> "Operation not permitted";
            case INVALID -> "Invalid argument";
            case NOT_FAST -> "Operation not supported";
            case CANCELLED -> "Operation canceled";
            default -> IO_ERROR;
        };
    }
}
