package dev.vz.irq;

import java.util.List;

/**
 * An 82093AA I/O APIC with 24 inputs.
 *
 * @param id          identification register, bits 27..24
 * @param select      the register index last written to IOREGSEL
 * @param irr         levels of the inputs as the controller has seen them, bit <i>n</i> for input <i>n</i>
 * @param redirection the 24 redirection table entries
 */
public record IoapicState(int id, int select, int irr, List<Long> redirection) {

    /** Copies the table. */
    public IoapicState {
        redirection = List.copyOf(redirection);
    }
}
