package dev.vz.machine.serial;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What a {@link Uart16550} holds. Register values are 8 bits.
 *
 * @param ier             interrupt enable
 * @param lcr             line control
 * @param mcr             modem control
 * @param lsrErrors       the error bits of the line status that have not been read: OE, PE, FE, BI
 * @param msr             modem status
 * @param scr             scratch
 * @param fcr             FIFO control: enable and trigger level
 * @param divisor         divisor latch, 16 bits
 * @param receive         received bytes, oldest first; bit 8 marks a break
 * @param transmit        bytes that the line has not taken yet, oldest first
 * @param thrEmptyPending whether a "transmitter empty" interrupt waits
 * @param timeoutPending  whether a "character timeout" interrupt waits
 */
@StateVersion(1)
public record Uart16550State(int ier, int lcr, int mcr, int lsrErrors, int msr, int scr, int fcr, int divisor,
        List<Integer> receive, List<Integer> transmit, boolean thrEmptyPending, boolean timeoutPending) {

    /** Copies the lists. */
    public Uart16550State {
        receive = List.copyOf(receive);
        transmit = List.copyOf(transmit);
    }
}
