package dev.vz.architecture.broken.snapshots.state;

/** Saves what no later release can recognize. */
class BadDevice implements Stateful<BadDevice.Registers> {
    @Override
    public Registers save() {
        return new Registers(1);
    }

    record Registers(int control) {}
}
