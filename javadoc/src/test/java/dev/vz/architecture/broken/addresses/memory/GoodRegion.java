package dev.vz.architecture.broken.addresses.memory;

/** Anywhere. */
record GoodRegion(long guestAddress, int size) {}
