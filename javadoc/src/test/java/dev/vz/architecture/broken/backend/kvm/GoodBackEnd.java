package dev.vz.architecture.broken.backend.kvm;

/** A back end. */
public class GoodBackEnd {}
