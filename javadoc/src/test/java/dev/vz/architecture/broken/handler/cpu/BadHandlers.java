package dev.vz.architecture.broken.handler.cpu;

/** Holds a handler that costs an object for each access. */
final class BadHandlers {
    private BadHandlers() {}

    record Access(int port) {}

    interface VcpuExitHandler {
        void portWrite(Access access);
    }
}
