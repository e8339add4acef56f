package dev.vz.hypervisor;

/** Whether a back end can be used on this host, now. */
public sealed interface Availability {

    /**
     * It can.
     *
     * @param description one line for people, for example {@code "KVM API 12 through /dev/kvm"}
     */
    record Available(String description) implements Availability {}

    /**
     * It cannot.
     *
     * @param reason what is in the way, for example {@code "/dev/kvm: permission denied"}
     * @param remedy what to do about it, for example {@code "add the user to group kvm"}
     */
    record Unavailable(String reason, String remedy) implements Availability {}

    /** Whether it can be used. */
    default boolean isAvailable() {
        return this instanceof Available;
    }
}
