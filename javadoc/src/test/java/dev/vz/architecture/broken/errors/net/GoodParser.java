package dev.vz.architecture.broken.errors.net;

/** Leaves its own loop by an exception that nobody else sees. */
class GoodParser {
    private static final class Truncated extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    int parse(byte[] bytes) {
        try {
            return first(bytes);
        } catch (Truncated failure) {
            return -1;
        }
    }

    private static int first(byte[] bytes) {
        if (bytes.length == 0) {
            throw new Truncated();
        }
        return bytes[0];
    }
}
