package dev.vz.virtio.balloon;

/**
 * What is known of a machine's memory when a policy is asked.
 *
 * @param total      bytes that the guest was given when it started
 * @param held       bytes that it has now: {@code total} less its balloon
 * @param statistics what the guest said last
 */
public record MemoryView(long total, long held, GuestStatistics statistics) {}
