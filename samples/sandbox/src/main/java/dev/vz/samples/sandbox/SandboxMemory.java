package dev.vz.samples.sandbox;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;

/**
 * The memory of a sandbox and the page tables over it (Intel SDM 3A, 4.5). Linear addresses are guest-physical ones; what
 * is not listed here faults:
 *
 * <pre>
 * 0x0000    page tables       not mapped: the code can neither read nor change them
 * 0x10000   code              readable, executable
 * 0x100000  data and stack    readable, writable
 * 0x1FF000  the door          a write leaves the sandbox with the value written
 * </pre>
 */
final class SandboxMemory {

    /** Where the code starts. */
    static final long CODE = 0x1_0000;
    /** The most code there can be, in bytes. */
    static final int CODE_ROOM = 0x8_0000;
    /** Where the data starts; the stack grows down from its end. */
    static final long DATA = 0x10_0000;
    /** Bytes of data and stack. */
    static final int DATA_SIZE = 0x8_0000;
    /** Where a write of 8 bytes ends the run; there is no memory behind it. */
    static final long DOOR = 0x1F_F000;
    /** The root of the page tables: what CR3 holds. */
    static final long ROOT = 0x0000;

    /** Guest memory ends before the door, so that a write to it is an MMIO exit. */
    private static final long SIZE = DATA + DATA_SIZE;
    private static final int PAGE = 0x1000;
    private static final long DIRECTORY_POINTERS = 0x1000;
    private static final long DIRECTORY = 0x2000;
    private static final long TABLE = 0x3000;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 1 << 1;
    private static final long USER = 1 << 2;
    private static final long ACCESSED = 1 << 5;
    private static final long DIRTY = 1 << 6;
    private static final long NO_EXECUTE = 1L << 63;

    private SandboxMemory() {}

    /** Memory with {@code code} in it. */
    static GuestMemory with(byte[] code) {
        if (code.length == 0 || code.length > CODE_ROOM) {
            throw new ConfigurationException(
                    "A sandbox holds 1 to " + CODE_ROOM + " bytes of code, got " + code.length);
        }
        GuestMemory memory = GuestMemory.ofSize(SIZE);
        long down = PRESENT | WRITABLE | USER | ACCESSED;
        memory.writeLong(ROOT, DIRECTORY_POINTERS | down);
        memory.writeLong(DIRECTORY_POINTERS, DIRECTORY | down);
        memory.writeLong(DIRECTORY, TABLE | down);
        map(memory, CODE, code.length, 0);
        map(memory, DATA, DATA_SIZE, WRITABLE | NO_EXECUTE);
        map(memory, DOOR, PAGE, WRITABLE | NO_EXECUTE);
        memory.write(CODE, code);
        return memory;
    }

    /** All lies in the first 2 MiB: one page table does. */
    private static void map(GuestMemory memory, long start, long length, long rights) {
        for (long page = start; page < start + length; page += PAGE) {
            memory.writeLong(TABLE + page / PAGE * Long.BYTES, page | PRESENT | USER | ACCESSED | DIRTY | rights);
        }
    }
}
