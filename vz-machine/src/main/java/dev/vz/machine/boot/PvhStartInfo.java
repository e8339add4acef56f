package dev.vz.machine.boot;

import dev.vz.memory.GuestMemory;
import java.util.List;

/**
 * Xen's {@code struct hvm_start_info}, version 1: what a PVH kernel finds at EBX. The module list and the memory map follow
 * it.
 */
final class PvhStartInfo {

    private static final int MAGIC = 0x336E_C578;
    private static final int SIZE = 56;
    private static final int MODULE_SIZE = 32;
    private static final int MAP_ENTRY = 24;

    private PvhStartInfo() {}

    /** Writes it to {@code at}; {@code initrdSize} 0 means that there is none. */
    static void write(GuestMemory memory, long at, long commandLine, long initrd, long initrdSize, long rsdp,
            List<E820> map) {
        long modules = at + SIZE;
        long memoryMap = modules + MODULE_SIZE;
        memory.fill(at, SIZE + MODULE_SIZE, (byte) 0);
        memory.writeInt(at, MAGIC);
        memory.writeInt(at + 4, 1);
        memory.writeInt(at + 12, initrdSize == 0 ? 0 : 1);
        memory.writeLong(at + 16, modules);
        memory.writeLong(at + 24, commandLine);
        memory.writeLong(at + 32, rsdp);
        memory.writeLong(at + 40, memoryMap);
        memory.writeInt(at + 48, map.size());
        memory.writeLong(modules, initrd);
        memory.writeLong(modules + 8, initrdSize);
        for (int i = 0; i < map.size(); i++) {
            long entry = memoryMap + (long) i * MAP_ENTRY;
            memory.writeLong(entry, map.get(i).range().start());
            memory.writeLong(entry + 8, map.get(i).range().length());
            memory.writeInt(entry + 16, map.get(i).type().code());
            memory.writeInt(entry + 20, 0);
        }
    }
}
