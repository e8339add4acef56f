package dev.vz.irq;

import java.util.List;

/**
 * An 8254 programmable interval timer.
 *
 * @param channels       its three channels
 * @param speakerDataOn  bit 1 of port 0x61
 */
public record PitState(List<Channel> channels, boolean speakerDataOn) {

    /** Copies the list. */
    public PitState {
        channels = List.copyOf(channels);
    }

    /**
     * One channel.
     *
     * @param count         reload value, 1 to 65536
     * @param latchedCount  what the counter latch command kept
     * @param countLatched  number of bytes of it still to be read
     * @param statusLatched whether a status byte is waiting
     * @param status        the latched status byte
     * @param readState     which byte a read gives next
     * @param writeState    which byte a write sets next
     * @param writeLatch    the low byte of a two-byte write in progress
     * @param rwMode        access mode, 1 to 3
     * @param mode          counting mode, 0 to 5
     * @param bcd           whether it counts in BCD
     * @param gate          level of the gate input
     * @param countAge      nanoseconds since the count was loaded
     */
    public record Channel(int count, int latchedCount, int countLatched, boolean statusLatched, int status,
            int readState, int writeState, int writeLatch, int rwMode, int mode, boolean bcd, boolean gate,
            long countAge) {}
}
