package dev.vz.cpu.x86;

/**
 * Events that a processor has accepted but not finished: part of its state between two instructions.
 *
 * @param exception   an exception being delivered
 * @param interrupt   an external or software interrupt being delivered
 * @param nmi         the non-maskable interrupt
 * @param smi         the system management interrupt
 * @param sipiVector  page of the last start-up IPI, 0 to 0xFF
 * @param tripleFault whether a triple fault waits to be reported
 */
public record VcpuEvents(ExceptionEvent exception, InterruptEvent interrupt, NmiEvent nmi, SmiEvent smi,
        int sipiVector, boolean tripleFault) {

    /**
     * An exception.
     *
     * @param injected     being delivered
     * @param pending      raised but not delivered yet
     * @param vector       0 to 31
     * @param hasErrorCode whether an error code is pushed
     * @param errorCode    the error code
     * @param hasPayload   whether {@code payload} counts
     * @param payload      CR2 for #PF, DR6 bits for #DB, not yet in the register
     */
    public record ExceptionEvent(boolean injected, boolean pending, int vector, boolean hasErrorCode, int errorCode,
            boolean hasPayload, long payload) {}

    /**
     * An interrupt.
     *
     * @param injected being delivered
     * @param vector   0 to 255
     * @param soft     from {@code INT n}
     * @param shadow   interrupts are held off: 1 after MOV SS, 2 after STI
     */
    public record InterruptEvent(boolean injected, int vector, boolean soft, int shadow) {}

    /**
     * The NMI.
     *
     * @param injected being delivered
     * @param pending  number waiting
     * @param masked   blocked until IRET
     */
    public record NmiEvent(boolean injected, int pending, boolean masked) {}

    /**
     * The SMI.
     *
     * @param inSmm       in system management mode
     * @param pending     waiting
     * @param insideNmi   SMM was entered from an NMI handler
     * @param latchedInit an INIT waits for the end of SMM
     */
    public record SmiEvent(boolean inSmm, boolean pending, boolean insideNmi, boolean latchedInit) {}

    /** Nothing going on. */
    public static VcpuEvents none() {
        return new VcpuEvents(new ExceptionEvent(false, false, 0, false, 0, false, 0),
                new InterruptEvent(false, 0, false, 0), new NmiEvent(false, 0, false),
                new SmiEvent(false, false, false, false), 0, false);
    }
}
