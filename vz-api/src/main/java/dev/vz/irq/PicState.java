package dev.vz.irq;

/**
 * One 8259A programmable interrupt controller.
 *
 * @param lastIrr           input levels at the last change, for edge detection
 * @param irr               interrupt request register
 * @param imr               interrupt mask register
 * @param isr               in-service register
 * @param priorityAdd       lowest priority, as rotation adds to it
 * @param irqBase           vector of input 0 (ICW2)
 * @param readRegisterSelect whether a read gives the ISR ({@code 1}) or the IRR
 * @param poll              whether the next read is a poll
 * @param specialMask       special mask mode
 * @param initState         which ICW is expected next; 0 when initialized
 * @param autoEoi           automatic end of interrupt
 * @param rotateOnAutoEoi   rotation in automatic end-of-interrupt mode
 * @param specialFullyNested special fully nested mode
 * @param init4             whether an ICW4 is expected
 * @param elcr              edge/level control register
 * @param elcrMask          the bits of it that can be written
 */
public record PicState(int lastIrr, int irr, int imr, int isr, int priorityAdd, int irqBase, int readRegisterSelect,
        boolean poll, boolean specialMask, int initState, boolean autoEoi, boolean rotateOnAutoEoi,
        boolean specialFullyNested, boolean init4, int elcr, int elcrMask) {}
