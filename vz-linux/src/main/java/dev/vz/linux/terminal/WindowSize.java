package dev.vz.linux.terminal;

import dev.vz.error.ConfigurationException;

/**
 * How much a terminal shows.
 *
 * @param columns characters in a line, 0 to 65535; 0 if not known
 * @param rows    lines, 0 to 65535; 0 if not known
 */
public record WindowSize(int columns, int rows) {

    /** Checks the range that the kernel can keep. */
    public WindowSize {
        if (columns < 0 || columns > 0xffff || rows < 0 || rows > 0xffff) {
            throw new ConfigurationException(
                    "A terminal has 0 to 65535 columns and rows, not " + columns + " by " + rows);
        }
    }
}
