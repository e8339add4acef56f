package dev.vz.cpu.x86;

/** What a processor of a multiprocessor machine is doing, as far as its start-up protocol goes. */
public enum MpState {
    /** Running. */
    RUNNABLE,
    /** An application processor that has got no INIT yet. */
    UNINITIALIZED,
    /** Got INIT, waits for a start-up IPI. */
    INIT_RECEIVED,
    /** In {@code HLT}. */
    HALTED,
    /** Got a start-up IPI. */
    SIPI_RECEIVED
}
