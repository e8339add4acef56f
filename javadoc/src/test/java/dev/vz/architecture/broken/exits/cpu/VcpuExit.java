package dev.vz.architecture.broken.exits.cpu;

/** Exits. */
interface VcpuExit {
    /** With its payload. */
    record GoodExit(long gpa) implements VcpuExit {}

    /** Without. */
    final class BadExit implements VcpuExit {}
}
