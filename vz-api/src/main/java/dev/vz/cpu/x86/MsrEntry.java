package dev.vz.cpu.x86;

/** A model-specific register's index (ECX) and value (EDX:EAX). */
public record MsrEntry(int index, long value) {

    @Override
    public String toString() {
        return Msr.name(index) + "=0x" + Long.toHexString(value);
    }
}
