package dev.vz.cpu.x86;

/**
 * GDTR or IDTR.
 *
 * @param base  linear address
 * @param limit last byte inside, 0 to 0xFFFF
 */
public record DescriptorTable(long base, int limit) {}
