package dev.vz.machine.watchdog;

import dev.vz.machine.device.PowerControl;

/** What a watchdog does to a machine whose guest has not touched it for too long. */
public enum WatchdogAction {

    /** Resets the machine, as the chip's output does on a board. */
    RESET {
        @Override
        void perform(PowerControl power) {
            power.reset("watchdog");
        }
    },

    /** Switches the machine off. */
    POWER_OFF {
        @Override
        void perform(PowerControl power) {
            power.powerOff();
        }
    },

    /** Nothing but the call of the listener, which may do anything. */
    NONE {
        @Override
        void perform(PowerControl power) {
            // The listener knows.
        }
    };

    abstract void perform(PowerControl power);
}
