package dev.vz.architecture.broken.snapshots.state;

/** Saves. */
interface Stateful<S extends Record> {
    /** The state. */
    S save();
}
