package dev.vz.architecture.broken.closing.bus;

import java.io.IOException;

/** Makes its users catch. */
public class BadFile implements AutoCloseable {
    @Override
    public void close() throws IOException {
        throw new IOException("closed twice");
    }
}
