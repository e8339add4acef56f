package dev.vz.machine.serial;

/** The bits of the PC16550D's registers (data sheet, table II). */
final class UartRegisters {

    static final int IER_RDA = 1;
    static final int IER_THRE = 1 << 1;
    static final int IER_RLS = 1 << 2;
    static final int IER_MS = 1 << 3;
    static final int IIR_NONE = 1;
    static final int IIR_MS = 0;
    static final int IIR_THRE = 2;
    static final int IIR_RDA = 4;
    static final int IIR_RLS = 6;
    static final int IIR_TIMEOUT = 0xC;
    static final int IIR_FIFOS = 0xC0;
    static final int FCR_ENABLE = 1;
    static final int FCR_CLEAR_RECEIVE = 1 << 1;
    static final int FCR_CLEAR_TRANSMIT = 1 << 2;
    static final int FCR_TRIGGER = 0xC0;
    static final int LCR_BREAK = 1 << 6;
    static final int LCR_DLAB = 1 << 7;
    static final int MCR_DTR = 1;
    static final int MCR_RTS = 1 << 1;
    static final int MCR_OUT1 = 1 << 2;
    static final int MCR_OUT2 = 1 << 3;
    static final int MCR_LOOP = 1 << 4;
    static final int LSR_DR = 1;
    static final int LSR_OE = 1 << 1;
    static final int LSR_BI = 1 << 4;
    static final int LSR_THRE = 1 << 5;
    static final int LSR_TEMT = 1 << 6;
    static final int LSR_FIFO_ERROR = 1 << 7;
    static final int LSR_ERRORS = 0x1E;
    static final int MSR_CTS = 1 << 4;
    static final int MSR_DSR = 1 << 5;
    static final int MSR_RI = 1 << 6;
    static final int MSR_DCD = 1 << 7;
    static final int MSR_LINES = 0xF0;
    static final int MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;

    private UartRegisters() {}
}
