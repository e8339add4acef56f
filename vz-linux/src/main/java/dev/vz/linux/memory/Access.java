package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What may be done with a page: the protections of mmap(2) and mprotect(2). */
public enum Access {
    /** Nothing: every access faults. */
    NONE(LinuxHeaders.PROT_NONE()),
    /** Reading. */
    READ(LinuxHeaders.PROT_READ()),
    /** Reading and writing. */
    READ_WRITE(LinuxHeaders.PROT_READ() | LinuxHeaders.PROT_WRITE());

    private final int value;

    Access(int value) {
        this.value = value;
    }

    int value() {
        return value;
    }
}
