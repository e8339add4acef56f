package dev.vz.architecture.broken.layers.machine;

/** A board. */
public class GoodBoard {}
