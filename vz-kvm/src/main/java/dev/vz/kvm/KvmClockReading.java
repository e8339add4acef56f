package dev.vz.kvm;

import dev.vz.kvm.generated.KvmHeaders;
import java.util.OptionalLong;

/**
 * What KVM_GET_CLOCK says.
 *
 * @param nanos         nanoseconds that the guest's kvmclock shows
 * @param flags         KVM_CLOCK_*: which of the following counts, and whether the clock is the same on all vCPUs
 * @param realtimeNanos the host's wall clock at that moment, nanoseconds since 1970
 * @param hostTsc       the host's time stamp counter at that moment
 */
public record KvmClockReading(long nanos, int flags, long realtimeNanos, long hostTsc) {

    /** Whether all vCPUs see the same time without synchronizing. */
    public boolean isStable() {
        return (flags & KvmHeaders.KVM_CLOCK_TSC_STABLE()) != 0;
    }

    /** The host's wall clock at that moment, if this kernel tells. */
    public OptionalLong realtime() {
        return (flags & KvmHeaders.KVM_CLOCK_REALTIME()) != 0
                ? OptionalLong.of(realtimeNanos)
                : OptionalLong.empty();
    }

    /** The host's time stamp counter at that moment, if this kernel tells. */
    public OptionalLong tsc() {
        return (flags & KvmHeaders.KVM_CLOCK_HOST_TSC()) != 0 ? OptionalLong.of(hostTsc) : OptionalLong.empty();
    }
}
