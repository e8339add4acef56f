package dev.vz.emulator.translator;

/** How a region's loads and stores are made. */
enum AccessKind {
    /** As they come: the processor is alone. See {@link GuestAccess}. */
    PLAIN,
    /** In the order that other processors expect. See {@link OrderedAccess}. */
    ORDERED,
    /** So that stores can be undone, because the region is checked. See {@link LoggedAccess}. */
    LOGGED
}
