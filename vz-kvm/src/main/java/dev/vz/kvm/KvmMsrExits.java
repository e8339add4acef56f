package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_msr_filter;
import dev.vz.kvm.generated.kvm_msr_filter_range;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/**
 * Accesses to MSRs that leave the guest as {@link dev.vz.cpu.VcpuExit.MsrRead} and {@link dev.vz.cpu.VcpuExit.MsrWrite},
 * and which MSRs the guest may access at all. Methods may be called from any thread, before the vCPUs run.
 */
public final class KvmMsrExits {

    /** Why an access leaves; anything else raises #GP in the guest. */
    public enum Reason {
        /** KVM does not know the register. */
        UNKNOWN(KvmHeaders.KVM_MSR_EXIT_REASON_UNKNOWN()),
        /** KVM knows it, and the value or the access is not allowed. */
        INVALID(KvmHeaders.KVM_MSR_EXIT_REASON_INVAL()),
        /** The filter denies it. */
        FILTERED(KvmHeaders.KVM_MSR_EXIT_REASON_FILTER());

        private final int bit;

        Reason(int bit) {
            this.bit = bit;
        }
    }

    /**
     * Consecutive MSRs with an answer of their own.
     *
     * @param base    index of the first
     * @param count   how many, at most {@value #MAXIMUM_RANGE}
     * @param reads   whether this is about reads
     * @param writes  whether this is about writes
     * @param allowed bit <i>n</i> set: the guest may access {@code base + n}
     */
    public record Range(int base, int count, boolean reads, boolean writes, BitSet allowed) {

        /** The most MSRs in one range: the kernel takes bitmaps of 0x600 bytes. */
        public static final int MAXIMUM_RANGE = 0x600 * 8;

        /** Checks the numbers and copies the bits. */
        public Range {
            if (count < 1 || count > MAXIMUM_RANGE || !reads && !writes) {
                throw new ConfigurationException("An MSR filter range has 1 to " + MAXIMUM_RANGE
                        + " registers and is about reads, writes or both; got " + count + " from 0x"
                        + Integer.toHexString(base));
            }
            allowed = (BitSet) allowed.clone();
        }

        /** All accesses to one register are denied. */
        public static Range denied(int index) {
            return new Range(index, 1, true, true, new BitSet());
        }

        @Override
        public BitSet allowed() {
            return (BitSet) allowed.clone();
        }
    }

    private final FileDescriptor machine;
    private final KvmHost host;

    KvmMsrExits(FileDescriptor machine, KvmHost host) {
        this.machine = machine;
        this.host = host;
    }

    /** Which accesses leave; none if empty. */
    public void exitOn(Set<Reason> reasons) {
        int mask = 0;
        for (Reason reason : reasons) {
            mask |= reason.bit;
        }
        MachineBuilder.enable(machine, KvmCapability.X86_USER_SPACE_MSR, mask);
    }

    /** Whether {@link #setFilter} can be used. */
    public boolean hasFilter() {
        return host.has(KvmCapability.X86_MSR_FILTER);
    }

    /**
     * Says what the guest may access, in place of what was said before. A denied access leaves if {@link Reason#FILTERED}
     * was asked for, otherwise it raises #GP. x2APIC registers cannot be filtered.
     *
     * @param allowOthers whether what no range names is allowed
     * @param ranges      16 at most
     * @throws CapabilityException if this kernel has no filter
     */
    public void setFilter(boolean allowOthers, List<Range> ranges) {
        if (!hasFilter()) {
            throw new CapabilityException("This kernel cannot filter MSRs (it lacks KVM_CAP_X86_MSR_FILTER)");
        }
        if (ranges.size() > KvmHeaders.KVM_MSR_FILTER_MAX_RANGES()) {
            throw new ConfigurationException("An MSR filter has " + KvmHeaders.KVM_MSR_FILTER_MAX_RANGES()
                    + " ranges at most, got " + ranges.size());
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_msr_filter.allocate(arena);
            kvm_msr_filter.flags(s, allowOthers
                    ? KvmHeaders.KVM_MSR_FILTER_DEFAULT_ALLOW()
                    : KvmHeaders.KVM_MSR_FILTER_DEFAULT_DENY());
            for (int i = 0; i < ranges.size(); i++) {
                Range range = ranges.get(i);
                MemorySegment r = kvm_msr_filter.ranges(s, i);
                kvm_msr_filter_range.flags(r, (range.reads() ? KvmHeaders.KVM_MSR_FILTER_READ() : 0)
                        | (range.writes() ? KvmHeaders.KVM_MSR_FILTER_WRITE() : 0));
                kvm_msr_filter_range.base(r, range.base());
                kvm_msr_filter_range.nmsrs(r, range.count());
                MemorySegment bitmap = arena.allocate((range.count() + 63) / 64 * 8L, 8);
                byte[] bits = range.allowed().toByteArray();
                MemorySegment.copy(MemorySegment.ofArray(bits), 0, bitmap, 0, Math.min(bits.length, bitmap.byteSize()));
                kvm_msr_filter_range.bitmap(r, bitmap);
            }
            Ioctl.checked("ioctl KVM_X86_SET_MSR_FILTER of " + ranges.size() + " ranges", machine,
                    KvmHeaders.KVM_X86_SET_MSR_FILTER(), s);
        }
    }
}
