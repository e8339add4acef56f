package dev.vz.linux.memory;

import dev.vz.linux.generated.LinuxHeaders;

/** What may be done with a page: the protections of mmap(2) and mprotect(2). */
public enum Access {
    /** Nothing: every access faults. */
    NONE,
    /** Reading. */
    READ,
    /** Reading and writing. */
    READ_WRITE;

    // Looked up when used, not when this class is initialized: the bindings need native access, and a program that lacks
    // it is to be told so by NativeAccess.
    int value() {
        return switch (this) {
            case NONE -> LinuxHeaders.PROT_NONE();
            case READ -> LinuxHeaders.PROT_READ();
            case READ_WRITE -> LinuxHeaders.PROT_READ() | LinuxHeaders.PROT_WRITE();
        };
    }
}
