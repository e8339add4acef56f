package dev.vz.conformance;

/** The segment registers, by their encoding. */
public enum SegmentRegister {
    /** ES. */
    ES,
    /** CS. */
    CS,
    /** SS. */
    SS,
    /** DS. */
    DS,
    /** FS. */
    FS,
    /** GS. */
    GS
}
