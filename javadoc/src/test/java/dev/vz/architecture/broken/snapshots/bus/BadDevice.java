package dev.vz.architecture.broken.snapshots.bus;

import dev.vz.state.Stateful;

/** Saves what no later release can recognize. */
class BadDevice implements Stateful<BadDevice.Registers> {
    @Override
    public Class<Registers> stateType() {
        return Registers.class;
    }

    @Override
    public Registers save() {
        return new Registers(1);
    }

    @Override
    public void restore(Registers state) {
        assert state.control() >= 0;
    }

    record Registers(int control) {}
}
