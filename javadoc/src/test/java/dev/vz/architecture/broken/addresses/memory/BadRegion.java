package dev.vz.architecture.broken.addresses.memory;

/** Nor lie there. */
record BadRegion(int guestAddress) {}
