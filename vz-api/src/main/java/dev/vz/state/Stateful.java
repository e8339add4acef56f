package dev.vz.state;

/**
 * A device whose state can be saved and put back.
 *
 * <p>
 * The state is one record of plain values: numbers, strings, byte arrays, lists and further records, marked with
 * {@link StateVersion}. Called while the machine is paused: no vCPU runs and no queue is worked on.
 *
 * @param <S> the record
 */
public interface Stateful<S extends Record> {

    /** The record's type. */
    Class<S> stateType();

    /** What the device holds now. */
    S save();

    /**
     * Puts {@code state} into the device.
     *
     * @throws dev.vz.error.FormatException if the values cannot be a state of this device; the device is unchanged then
     */
    void restore(S state);
}
