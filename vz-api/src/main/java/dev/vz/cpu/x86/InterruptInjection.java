package dev.vz.cpu.x86;

/** A vCPU without interrupt controllers, whose interrupts the caller injects. */
public interface InterruptInjection {

    /**
     * Delivers external interrupt {@code vector} at the next run.
     *
     * @return {@code false} if the guest cannot take it now (IF clear, or an interrupt shadow): ask for
     *         {@link #requestInterruptWindow} and inject when {@link dev.vz.cpu.VcpuExit.InterruptWindow} comes
     */
    boolean inject(int vector);

    /** Asks for an exit as soon as the guest can take an external interrupt. */
    void requestInterruptWindow(boolean wanted);

    /** Raises a non-maskable interrupt. Any thread. */
    void nmi();
}
