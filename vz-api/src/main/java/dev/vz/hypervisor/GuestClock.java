package dev.vz.hypervisor;

/** A machine with a paravirtual clock (kvmclock) that can be read and set, for snapshots and after a pause. */
public interface GuestClock {

    /** Nanoseconds that the guest's clock shows. */
    long clockNanos();

    /** Sets the guest's clock to {@code nanos}. */
    void setClockNanos(long nanos);
}
