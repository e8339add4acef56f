package dev.vz.machine.boot;

/** What a machine does first. */
public sealed interface BootMethod permits LinuxBoot, CodeBoot {}
