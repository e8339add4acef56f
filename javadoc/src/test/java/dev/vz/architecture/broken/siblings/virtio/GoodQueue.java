package dev.vz.architecture.broken.siblings.virtio;

/** A queue. */
public class GoodQueue {}
