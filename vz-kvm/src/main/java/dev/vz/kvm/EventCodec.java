package dev.vz.kvm;

import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_vcpu_events;
import dev.vz.kvm.generated.kvm_vcpu_events.exception;
import dev.vz.kvm.generated.kvm_vcpu_events.interrupt;
import dev.vz.kvm.generated.kvm_vcpu_events.nmi;
import dev.vz.kvm.generated.kvm_vcpu_events.smi;
import dev.vz.kvm.generated.kvm_vcpu_events.triple_fault;
import java.lang.foreign.MemorySegment;

/** {@code struct kvm_vcpu_events} and the house's record. */
final class EventCodec {

    private EventCodec() {}

    static VcpuEvents read(MemorySegment s) {
        MemorySegment e = kvm_vcpu_events.exception(s);
        MemorySegment i = kvm_vcpu_events.interrupt(s);
        MemorySegment n = kvm_vcpu_events.nmi(s);
        MemorySegment m = kvm_vcpu_events.smi(s);
        return new VcpuEvents(
                new VcpuEvents.ExceptionEvent(exception.injected(e) != 0, exception.pending(e) != 0,
                        exception.nr(e) & 0xFF, exception.has_error_code(e) != 0, exception.error_code(e),
                        kvm_vcpu_events.exception_has_payload(s) != 0, kvm_vcpu_events.exception_payload(s)),
                new VcpuEvents.InterruptEvent(interrupt.injected(i) != 0, interrupt.nr(i) & 0xFF,
                        interrupt.soft(i) != 0, interrupt.shadow(i)),
                new VcpuEvents.NmiEvent(nmi.injected(n) != 0, nmi.pending(n) & 0xFF, nmi.masked(n) != 0),
                new VcpuEvents.SmiEvent(smi.smm(m) != 0, smi.pending(m) != 0, smi.smm_inside_nmi(m) != 0,
                        smi.latched_init(m) != 0),
                kvm_vcpu_events.sipi_vector(s),
                triple_fault.pending(kvm_vcpu_events.triple_fault(s)) != 0);
    }

    /**
     * Writes all of {@code events}. The parts that are optional in the interface are marked as given only where the
     * machine has them: an unknown mark would make the kernel refuse everything.
     */
    static void write(MemorySegment s, VcpuEvents events, MachineFeatures features) {
        s.fill((byte) 0);
        int flags = KvmHeaders.KVM_VCPUEVENT_VALID_NMI_PENDING() | KvmHeaders.KVM_VCPUEVENT_VALID_SHADOW();
        MemorySegment e = kvm_vcpu_events.exception(s);
        exception.injected(e, bit(events.exception().injected()));
        exception.nr(e, (byte) events.exception().vector());
        exception.has_error_code(e, bit(events.exception().hasErrorCode()));
        exception.error_code(e, events.exception().errorCode());
        if (features.exceptionPayload()) {
            flags |= KvmHeaders.KVM_VCPUEVENT_VALID_PAYLOAD();
            exception.pending(e, bit(events.exception().pending()));
            kvm_vcpu_events.exception_has_payload(s, bit(events.exception().hasPayload()));
            kvm_vcpu_events.exception_payload(s, events.exception().payload());
        } else if (events.exception().pending()) {
            // Kernels without payloads know one state only.
            exception.injected(e, (byte) 1);
        }
        MemorySegment i = kvm_vcpu_events.interrupt(s);
        interrupt.injected(i, bit(events.interrupt().injected()));
        interrupt.nr(i, (byte) events.interrupt().vector());
        interrupt.soft(i, bit(events.interrupt().soft()));
        interrupt.shadow(i, (byte) events.interrupt().shadow());
        MemorySegment n = kvm_vcpu_events.nmi(s);
        nmi.injected(n, bit(events.nmi().injected()));
        nmi.pending(n, (byte) events.nmi().pending());
        nmi.masked(n, bit(events.nmi().masked()));
        if (features.hasLapic()) {
            flags |= KvmHeaders.KVM_VCPUEVENT_VALID_SIPI_VECTOR();
            kvm_vcpu_events.sipi_vector(s, events.sipiVector());
        }
        if (features.smm()) {
            flags |= KvmHeaders.KVM_VCPUEVENT_VALID_SMM();
            MemorySegment m = kvm_vcpu_events.smi(s);
            smi.smm(m, bit(events.smi().inSmm()));
            smi.pending(m, bit(events.smi().pending()));
            smi.smm_inside_nmi(m, bit(events.smi().insideNmi()));
            smi.latched_init(m, bit(events.smi().latchedInit()));
        }
        if (features.tripleFaultEvent()) {
            flags |= KvmHeaders.KVM_VCPUEVENT_VALID_TRIPLE_FAULT();
            triple_fault.pending(kvm_vcpu_events.triple_fault(s), bit(events.tripleFault()));
        }
        kvm_vcpu_events.flags(s, flags);
    }

    private static byte bit(boolean value) {
        return (byte) (value ? 1 : 0);
    }
}
