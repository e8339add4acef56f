package dev.vz.architecture.broken.bindings.linux.generated;

/** What a tool wrote. */
public class GoodBinding {
}
