package dev.vz.architecture.broken.printing.bus;

/** Prints too. */
class BadHandler {
    void failed(Exception failure) {
        failure.printStackTrace();
    }
}
