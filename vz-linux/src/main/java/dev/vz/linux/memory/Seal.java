package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What a memory file will never allow again: the seals of fcntl(2). */
public enum Seal {
    /** No further seal can be set. */
    SEAL,
    /** It does not get smaller: who maps it need not fear SIGBUS. */
    SHRINK,
    /** It does not get larger. */
    GROW,
    /** Its contents do not change; refused ({@code EBUSY}) while a writable shared mapping exists. */
    WRITE,
    /** No new writer; writable mappings that exist may go on writing. */
    FUTURE_WRITE;

    // Looked up when used, not when this class is initialized: the bindings need native access, and a program that lacks
    // it is to be told so by NativeAccess.
    int bit() {
        return switch (this) {
            case SEAL -> LinuxHeaders.F_SEAL_SEAL();
            case SHRINK -> LinuxHeaders.F_SEAL_SHRINK();
            case GROW -> LinuxHeaders.F_SEAL_GROW();
            case WRITE -> LinuxHeaders.F_SEAL_WRITE();
            case FUTURE_WRITE -> LinuxHeaders.F_SEAL_FUTURE_WRITE();
        };
    }
}
