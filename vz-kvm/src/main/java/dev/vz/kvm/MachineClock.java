package dev.vz.kvm;

import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_clock_data;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** KVM_GET_CLOCK and KVM_SET_CLOCK. */
final class MachineClock {

    private MachineClock() {}

    static KvmClockReading read(FileDescriptor machine) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_clock_data.allocate(arena);
            Ioctl.checked("ioctl KVM_GET_CLOCK", machine, KvmHeaders.KVM_GET_CLOCK(), s);
            return new KvmClockReading(kvm_clock_data.clock(s), kvm_clock_data.flags(s), kvm_clock_data.realtime(s),
                    kvm_clock_data.host_tsc(s));
        }
    }

    static void set(FileDescriptor machine, long nanos) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_clock_data.allocate(arena);
            kvm_clock_data.clock(s, nanos);
            Ioctl.checked("ioctl KVM_SET_CLOCK", machine, KvmHeaders.KVM_SET_CLOCK(), s);
        }
    }

    static void setSince(FileDescriptor machine, long nanos, long realtimeNanos) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_clock_data.allocate(arena);
            kvm_clock_data.clock(s, nanos);
            kvm_clock_data.flags(s, KvmHeaders.KVM_CLOCK_REALTIME());
            kvm_clock_data.realtime(s, realtimeNanos);
            Ioctl.checked("ioctl KVM_SET_CLOCK REALTIME", machine, KvmHeaders.KVM_SET_CLOCK(), s);
        }
    }
}
