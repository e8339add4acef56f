package dev.vz.cpu.x86;

import dev.vz.error.ConfigurationException;
import java.util.List;

/** A vCPU that can be stopped at breakpoints and stepped; each stop is a {@link dev.vz.cpu.VcpuExit.Debug}. */
public interface GuestDebug {

    /** What to stop at from the next run on; replaces what was set before. */
    void setDebug(Settings settings);

    /**
     * What to stop at.
     *
     * @param singleStep          after every instruction
     * @param softwareBreakpoints at every {@code INT3} that the caller planted
     * @param hardware            at these addresses, four at most; the guest's own debug registers are put aside
     */
    record Settings(boolean singleStep, boolean softwareBreakpoints, List<Breakpoint> hardware) {
        /** Checks the number and copies the list. */
        public Settings {
            hardware = List.copyOf(hardware);
            if (hardware.size() > 4) {
                throw new ConfigurationException("A processor has 4 hardware breakpoints, asked for "
                        + hardware.size());
            }
        }

        /** Nothing. */
        public static Settings off() {
            return new Settings(false, false, List.of());
        }

        /** After every instruction. */
        public static Settings step() {
            return new Settings(true, false, List.of());
        }

        /** Before the instruction at linear {@code address}. */
        public static Settings at(long address) {
            return new Settings(false, false, List.of(new Breakpoint(address, Condition.EXECUTE, 1)));
        }
    }

    /**
     * A hardware breakpoint or watchpoint.
     *
     * @param address   linear
     * @param condition what stops
     * @param length    bytes watched: 1, 2, 4 or 8, to which the address is aligned; 1 for {@link Condition#EXECUTE}
     */
    record Breakpoint(long address, Condition condition, int length) {

        /** Checks what the debug registers can express (Intel SDM 3B, 18.2.5). */
        public Breakpoint {
            boolean sized = condition == Condition.EXECUTE ? length == 1 : length == 1 || length == 2 || length == 4
                    || length == 8;
            if (!sized || address % length != 0) {
                throw new ConfigurationException("A breakpoint (" + condition + ") cannot watch " + length
                        + " bytes at 0x" + Long.toHexString(address)
                        + ": 1, 2, 4 or 8 bytes, aligned to their number, and 1 to stop at an instruction");
            }
        }
    }

    /** What a hardware breakpoint waits for. */
    enum Condition {
        /** The instruction there. */
        EXECUTE,
        /** A write there. */
        WRITE,
        /** A read or write there. */
        ACCESS
    }
}
