package dev.vz.architecture.broken.unsupported.storage;

/** Throws what nobody can catch by name. */
class BadFormat {
    void open() {
        throw new RuntimeException("no magic");
    }
}
