package dev.vz.samples.cli.disk;

import dev.vz.storage.file.CacheMode;
import java.util.Optional;

/** The names of cache modes on command lines. */
public final class CacheOption {

    private CacheOption() {}

    /** The mode that {@code name} stands for; empty if it stands for none. */
    public static Optional<CacheMode> parse(String name) {
        return switch (name) {
            case "writeback", "none", "off" -> Optional.of(CacheMode.WRITEBACK);
            case "writethrough", "directsync" -> Optional.of(CacheMode.WRITETHROUGH);
            case "unsafe" -> Optional.of(CacheMode.UNSAFE);
            default -> Optional.empty();
        };
    }
}
