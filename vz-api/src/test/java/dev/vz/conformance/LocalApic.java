package dev.vz.conformance;

import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.BX;

/** What guests write to their local APIC, I/O APIC and PIC (Intel SDM 3A, chapter 11; 82093AA; 8259A). Uses BX and AX. */
final class LocalApic {

    static final long BASE = 0xFEE0_0000L;
    static final int EOI = 0xB0;
    static final int SVR = 0xF0;
    static final int ICR_LOW = 0x300;
    static final int ICR_HIGH = 0x310;
    static final int LVT_TIMER = 0x320;
    static final int LVT_LINT0 = 0x350;
    static final int TIMER_INITIAL = 0x380;
    static final int TIMER_DIVIDE = 0x3E0;

    private static final long IOAPIC = 0xFEC0_0000L;

    private LocalApic() {}

    /** Writes a register of the local APIC. */
    static void write(Assembler a, int register, int value) {
        a.mov(4, BX, BASE + register).store(4, at(BX), value);
    }

    /** Switches the local APIC on and the PIC, which would answer the same lines, off. */
    static void enable(Assembler a) {
        write(a, SVR, 0x1FF);
        write(a, LVT_LINT0, 0x1_0000);
    }

    /** Ends the interrupt in service. */
    static void endOfInterrupt(Assembler a) {
        write(a, EOI, 0);
    }

    /** Writes redirection entry {@code input} of the I/O APIC. */
    static void redirect(Assembler a, int input, int vector, boolean level) {
        a.mov(4, BX, IOAPIC).store(4, at(BX), 0x11 + 2 * input).store(4, at(BX, 0x10), 0) // APIC id 0
                .store(4, at(BX), 0x10 + 2 * input).store(4, at(BX, 0x10), vector | (level ? 1 << 15 : 0));
    }

    /** Initializes the master PIC at vector 0x20 with all but {@code input} masked; it interrupts through LINT0. */
    static void pic(Assembler a, int input) {
        write(a, LVT_LINT0, 0x700);
        int[][] words = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 4}, {0x21, 1}, {0x21, 0xFF & ~(1 << input)}};
        for (int[] word : words) {
            a.mov(1, Register.AX, word[1]).out(1, word[0]);
        }
    }
}
