package dev.vz.architecture.broken.printing.bus;

/** Prints. */
class BadDevice {
    void write(int value) {
        System.out.println(value);
    }
}
