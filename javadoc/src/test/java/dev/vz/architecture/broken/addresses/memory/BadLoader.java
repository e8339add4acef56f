package dev.vz.architecture.broken.addresses.memory;

/** Cannot load above 2 GiB. */
class BadLoader {
    int load(int gpa) {
        return gpa;
    }
}
