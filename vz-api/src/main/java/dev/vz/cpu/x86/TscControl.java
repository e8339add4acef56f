package dev.vz.cpu.x86;

/** A vCPU whose time stamp counter can be set to a frequency. */
public interface TscControl {

    /** Ticks per millisecond. */
    long tscKilohertz();

    /** Sets the frequency; before the first run. */
    void setTscKilohertz(long kilohertz);
}
