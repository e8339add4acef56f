package dev.vz.conformance;

/** Two-operand arithmetic, by its encoding. */
public enum Alu {
    /** {@code ADD}. */
    ADD,
    /** {@code OR}. */
    OR,
    /** {@code ADC}. */
    ADC,
    /** {@code SBB}. */
    SBB,
    /** {@code AND}. */
    AND,
    /** {@code SUB}. */
    SUB,
    /** {@code XOR}. */
    XOR,
    /** {@code CMP}. */
    CMP
}
