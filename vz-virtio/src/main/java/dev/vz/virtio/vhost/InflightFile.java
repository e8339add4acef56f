package dev.vz.virtio.vhost;

import dev.vz.linux.FileDescriptor;

/**
 * Memory in which back ends note the requests that they have taken, kept for the next one. It is a back end's: never mapped
 * here.
 *
 * @param file      the memory
 * @param size      bytes
 * @param offset    in the file
 * @param queues    that it is for
 * @param queueSize most entries of each
 */
record InflightFile(FileDescriptor file, long size, long offset, int queues, int queueSize) implements AutoCloseable {

    @Override
    public void close() {
        file.close();
    }
}
