package dev.vz.architecture.broken.globals.hypervisor;

/** Counts for the whole process. */
class BadRegistry {
    static int machines;
}
