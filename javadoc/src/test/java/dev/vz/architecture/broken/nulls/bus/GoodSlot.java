package dev.vz.architecture.broken.nulls.bus;

/** In one that does. */
class GoodSlot {}
