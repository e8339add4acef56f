package dev.vz.architecture.broken.printing.bus;

import java.util.logging.Logger;

/** Chooses the logger for everybody. */
class BadLog {
    final Logger logger = Logger.getLogger("x");
}
