package dev.vz.pci;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What an {@link MsixTable} holds.
 *
 * @param entries      four words for each vector: address low, address high, data, control
 * @param pending      64 vectors to a word, the lowest in bit 0
 * @param enabled      whether the guest has enabled MSI-X
 * @param functionMask whether all vectors are masked
 */
@StateVersion(1)
public record MsixState(List<Integer> entries, List<Long> pending, boolean enabled, boolean functionMask) {

    /** Copies the lists. */
    public MsixState {
        entries = List.copyOf(entries);
        pending = List.copyOf(pending);
    }
}
