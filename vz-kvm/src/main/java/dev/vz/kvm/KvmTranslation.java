package dev.vz.kvm;

import java.util.OptionalLong;

/**
 * Where a linear address leads by the guest's page tables (KVM_TRANSLATE).
 *
 * @param physical  guest-physical address; empty if nothing is mapped there
 * @param writeable whether it may be written, as far as KVM tells
 * @param user      whether ring 3 may access it, as far as KVM tells
 */
public record KvmTranslation(OptionalLong physical, boolean writeable, boolean user) {}
