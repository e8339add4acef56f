package dev.vz.architecture.broken.jvm.machine;

/** Takes the process down with the guest. */
class BadPower {
    void off() {
        System.exit(0);
    }
}
