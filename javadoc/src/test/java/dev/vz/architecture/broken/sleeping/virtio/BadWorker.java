package dev.vz.architecture.broken.sleeping.virtio;

/** Polls. */
class BadWorker {
    void poll() throws InterruptedException {
        Thread.sleep(1);
    }
}
