package dev.vz.conformance;

/** Conditions of jumps, by their encoding. */
public enum Condition {
    /** Overflow. */
    O,
    /** No overflow. */
    NO,
    /** Below, carry. */
    B,
    /** Not below. */
    AE,
    /** Equal, zero. */
    E,
    /** Not equal. */
    NE,
    /** Below or equal. */
    BE,
    /** Above. */
    A,
    /** Sign. */
    S,
    /** No sign. */
    NS,
    /** Parity. */
    P,
    /** No parity. */
    NP,
    /** Less, signed. */
    L,
    /** Greater or equal, signed. */
    GE,
    /** Less or equal, signed. */
    LE,
    /** Greater, signed. */
    G
}
