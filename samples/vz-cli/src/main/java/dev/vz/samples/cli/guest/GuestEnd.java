package dev.vz.samples.cli.guest;

import dev.vz.machine.MachineOutcome;
import java.time.Duration;

/** Why a run of a guest is over. */
sealed interface GuestEnd {

    /** The machine ended by itself. */
    record ByItself(MachineOutcome outcome) implements GuestEnd {}

    /** Its command is done, but the guest did not power off soon after. */
    record Lingering() implements GuestEnd {}

    /** It took longer than it may. */
    record TimedOut(Duration limit) implements GuestEnd {}

    /** The person at the terminal ended it. */
    record Quit() implements GuestEnd {}

    /** Nobody takes its output any more, or it cannot do what it was booted for. */
    record Failed(String why) implements GuestEnd {}
}
