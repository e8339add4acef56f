package dev.vz.architecture.broken.layers.linux;

/** Used by the wrong one. */
public class GoodCall {}
