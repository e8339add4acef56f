package dev.vz.hypervisor;

import dev.vz.memory.MemoryRegion;

/** A machine whose memory can change while vCPUs run. */
public interface MemoryHotPlug {

    /** Adds {@code region} to the guest memory and shows it to the vCPUs. */
    void plug(MemoryRegion region);

    /** Takes {@code region} from the vCPUs and then from the guest memory. The guest has stopped using it. */
    void unplug(MemoryRegion region);
}
