package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What a memory file will never allow again: the seals of fcntl(2). */
public enum Seal {
    /** No further seal can be set. */
    SEAL(LinuxHeaders.F_SEAL_SEAL()),
    /** It does not get smaller: who maps it need not fear SIGBUS. */
    SHRINK(LinuxHeaders.F_SEAL_SHRINK()),
    /** It does not get larger. */
    GROW(LinuxHeaders.F_SEAL_GROW()),
    /** Its contents do not change; refused ({@code EBUSY}) while a writable shared mapping exists. */
    WRITE(LinuxHeaders.F_SEAL_WRITE()),
    /** No new writer; writable mappings that exist may go on writing. */
    FUTURE_WRITE(LinuxHeaders.F_SEAL_FUTURE_WRITE());

    private final int bit;

    Seal(int bit) {
        this.bit = bit;
    }

    int bit() {
        return bit;
    }
}
