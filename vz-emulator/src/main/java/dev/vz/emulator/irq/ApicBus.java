package dev.vz.emulator.irq;

import dev.vz.error.ConfigurationException;
import dev.vz.irq.Msi;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * The path on which local APICs, I/O APIC and PCI functions send interrupt messages to processors (Intel SDM 3A, 11.6 and
 * 11.11). Thread-safe; delivering allocates nothing.
 */
public final class ApicBus {

    /** Delivery modes, as in bits 10..8 of an interrupt command. */
    static final int FIXED = 0;
    static final int LOWEST_PRIORITY = 1;
    static final int SMI = 2;
    static final int NMI = 4;
    static final int INIT = 5;
    static final int STARTUP = 6;
    static final int EXTINT = 7;

    private volatile LocalApic[] apics = {};
    private volatile IntConsumer endOfInterrupt = vector -> {};

    /** A bus without processors. */
    public ApicBus() {}

    /** Adds a processor's local APIC. */
    public synchronized void add(LocalApic apic) {
        for (LocalApic other : apics) {
            if (other.id() == apic.id()) {
                throw new ConfigurationException("Two local APICs with id " + apic.id());
            }
        }
        LocalApic[] next = Arrays.copyOf(apics, apics.length + 1);
        next[next.length - 1] = apic;
        apics = next;
    }

    /** Calls {@code listener} with the vector of each level-triggered interrupt that a processor ends. */
    void onEndOfInterrupt(IntConsumer listener) {
        endOfInterrupt = listener;
    }

    void endOfInterrupt(int vector) {
        endOfInterrupt.accept(vector);
    }

    /**
     * Delivers a message-signalled interrupt.
     *
     * @return whether a processor took it
     */
    public boolean signal(Msi message) {
        return signal(message.address(), message.data());
    }

    /** The same without the record. */
    public boolean signal(long address, int data) {
        if ((address & 0xFFF0_0000L) != 0xFEE0_0000L) {
            return false;
        }
        int destination = (int) (address >>> 12) & 0xFF | (int) (address >>> 32) & 0xFFFF_FF00;
        boolean logical = (address & 4) != 0;
        int mode = data >>> 8 & 7;
        // Redirection hint with logical destination asks for the lowest priority (11.11.1).
        if ((address & 8) != 0 && logical && mode == FIXED) {
            mode = LOWEST_PRIORITY;
        }
        boolean level = (data & 1 << 15) != 0;
        return deliver(destination, logical, mode, data & 0xFF, level, true, (address >>> 40) == 0);
    }

    /**
     * Delivers one message.
     *
     * @param destination APIC id or logical mask
     * @param logical     whether it is a logical mask
     * @param mode        delivery mode
     * @param vector      vector, where the mode has one
     * @param level       level-triggered
     * @param asserted    INIT: assert (as opposed to de-assert)
     * @param narrow      whether 0xFF means everybody, as with 8-bit destinations
     * @return whether a processor took it
     */
    boolean deliver(int destination, boolean logical, int mode, int vector, boolean level, boolean asserted,
            boolean narrow) {
        boolean taken = false;
        LocalApic best = null;
        int bestPriority = Integer.MAX_VALUE;
        for (LocalApic apic : apics) {
            if (!apic.isAddressed(destination, logical, narrow)) {
                continue;
            }
            if (mode == LOWEST_PRIORITY) {
                int priority = apic.isSoftwareEnabled() ? apic.processorPriority() : Integer.MAX_VALUE - 1;
                if (priority < bestPriority) {
                    best = apic;
                    bestPriority = priority;
                }
            } else {
                taken |= apic.take(mode, vector, level, asserted);
            }
        }
        return best == null ? taken : best.take(FIXED, vector, level, asserted);
    }

    /** Delivers to all processors, or all but {@code except}. */
    void broadcast(LocalApic source, boolean self, int mode, int vector, boolean level, boolean asserted) {
        for (LocalApic apic : apics) {
            if (self || apic != source) {
                apic.take(mode == LOWEST_PRIORITY ? FIXED : mode, vector, level, asserted);
            }
        }
    }

    /** The level of the 8259A's output changed: it is wired to every processor's LINT0. */
    void pic(boolean high) {
        for (LocalApic apic : apics) {
            apic.lint0(high);
        }
    }
}
