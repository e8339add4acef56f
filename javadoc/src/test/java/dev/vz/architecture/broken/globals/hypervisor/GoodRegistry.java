package dev.vz.architecture.broken.globals.hypervisor;

/** Counts for itself. */
class GoodRegistry {
    static final int MOST = 16;

    int machines;
}
