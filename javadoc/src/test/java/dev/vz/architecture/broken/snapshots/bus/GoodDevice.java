package dev.vz.architecture.broken.snapshots.bus;

import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;

/** Says which layout it saves. */
class GoodDevice implements Stateful<GoodDevice.Registers> {
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

    @StateVersion(1)
    record Registers(int control) {}
}
