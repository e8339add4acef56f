package dev.vz.architecture.broken.unsupported.storage;

/** A fat interface's victim. */
class BadImage {
    void resize() {
        throw new UnsupportedOperationException("cannot resize");
    }
}
