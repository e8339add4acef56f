package dev.vz.linux.memory;

import dev.vz.linux.call.MemoryCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.Arena;

/** Names for anonymous memory, as {@code /proc/self/maps} shows them: {@code [anon:guest-ram]}. */
final class MemoryNames {

    /** The kernel's limit with the terminator, ANON_VMA_NAME_MAX_LEN. */
    private static final int MAXIMUM_LENGTH = 80;

    private MemoryNames() {}

    /** Returns whether the kernel took the name. */
    static boolean set(long address, long size, String name) {
        try (var local = Arena.ofConfined()) {
            // The kernel refuses names with other characters than these, and longer ones.
            String plain = name.replaceAll("[^ -~]|[\\\\`$\\[\\]]", "_");
            String fitting = plain.substring(0, Math.min(plain.length(), MAXIMUM_LENGTH - 1));
            return MemoryCalls.prctl(LinuxHeaders.PR_SET_VMA(), LinuxHeaders.PR_SET_VMA_ANON_NAME(), address, size,
                    local.allocateFrom(fitting).address()) == 0;
        }
    }
}
