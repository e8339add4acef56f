package dev.vz.architecture.broken.snapshots.state;

/** Says which layout it saves. */
class GoodDevice implements Stateful<GoodDevice.Registers> {
    @Override
    public Registers save() {
        return new Registers(1, 1);
    }

    record Registers(int version, int control) {}
}
