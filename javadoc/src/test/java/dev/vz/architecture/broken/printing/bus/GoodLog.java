package dev.vz.architecture.broken.printing.bus;

/** Leaves the choice to the process. */
class GoodLog {
    final System.Logger logger = System.getLogger("x");
}
