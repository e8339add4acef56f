package dev.vz.storage.nbd;

/** Something that can be asked about every range of an export, such as {@code base:allocation}. Thread-safe. */
public interface MetadataContext {

    /**
     * A run of bytes that are alike.
     *
     * @param length bytes, 1 or more
     * @param flags  what is said of them; the context defines the bits
     */
    record Run(long length, int flags) {}

    /** Tells what the bytes from an offset on are like. */
    @FunctionalInterface
    interface Source {
        /** The first run from {@code offset} on, at most {@code length} bytes long. May block. */
        Run run(long offset, long length);
    }

    /** Its full name, namespace and colon included. */
    String name();

    /** The first run from {@code offset} on, at most {@code length} bytes long. May block. */
    Run run(long offset, long length);

    /** A context of that name. */
    static MetadataContext of(String name, Source source) {
        return new MetadataContext() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Run run(long offset, long length) {
                return source.run(offset, length);
            }

            @Override
            public String toString() {
                return name;
            }
        };
    }

    /**
     * {@code qemu:dirty-bitmap:NAME}: which ranges have changed since the bitmap was made.
     *
     * @param source flags 1 for changed ranges, 0 for others
     */
    static MetadataContext dirtyBitmap(String bitmap, Source source) {
        return of("qemu:dirty-bitmap:" + bitmap, source);
    }
}
