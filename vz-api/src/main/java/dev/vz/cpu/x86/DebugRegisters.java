package dev.vz.cpu.x86;

/** DR0 to DR3 (linear addresses), DR6 and DR7. */
public record DebugRegisters(long dr0, long dr1, long dr2, long dr3, long dr6, long dr7) {

    /** After reset. */
    public static DebugRegisters reset() {
        return new DebugRegisters(0, 0, 0, 0, 0xFFFF_0FF0L, 0x400);
    }
}
