package dev.vz.machine;

/** What happens when the guest resets the machine. */
public enum RestartPolicy {
    /** It starts again from its boot files, as a PC does. */
    RESTART,
    /** It ends with {@link MachineOutcome.Reset}. */
    END
}
