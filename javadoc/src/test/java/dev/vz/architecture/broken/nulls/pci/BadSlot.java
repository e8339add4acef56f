package dev.vz.architecture.broken.nulls.pci;

/** In a package that says nothing of null. */
class BadSlot {}
