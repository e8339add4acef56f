package dev.vz.kvm;

import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_msr_entry;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** {@code struct kvm_msrs} and {@code struct kvm_msr_list}: a count and entries. */
final class MsrCodec {

    /** MAX_IO_MSRS of the kernel: the most that one call takes. */
    static final int CHUNK = 255;
    private static final long HEADER = 8;

    private MsrCodec() {}

    /** Asks {@code request} of {@code system} for its list of indices. */
    static List<Integer> indices(String operation, FileDescriptor system, long request) {
        int capacity = 512;
        while (true) {
            try (var arena = Arena.ofConfined()) {
                MemorySegment list = arena.allocate(4 + 4L * capacity, 4);
                list.set(ValueLayout.JAVA_INT, 0, capacity);
                int result = Ioctl.call(system, request, list);
                int count = list.get(ValueLayout.JAVA_INT, 0);
                // The kernel says how many there are where they do not fit.
                if (result == -Errno.E2BIG && count > capacity) {
                    capacity = count;
                    continue;
                }
                Errno.check("ioctl " + operation, system, result);
                var indices = new ArrayList<Integer>(count);
                for (int i = 0; i < count; i++) {
                    indices.add(list.get(ValueLayout.JAVA_INT, 4 + 4L * i));
                }
                return List.copyOf(indices);
            }
        }
    }

    static List<MsrEntry> get(FileDescriptor descriptor, List<Integer> indices) {
        var entries = new ArrayList<MsrEntry>(indices.size());
        for (int from = 0; from < indices.size(); from += CHUNK) {
            List<Integer> part = indices.subList(from, Math.min(from + CHUNK, indices.size()));
            int read = get(descriptor, part, entries);
            if (read < part.size()) {
                throw new ConfigurationException("KVM cannot read " + Msr.name(part.get(read)) + " of " + descriptor
                        + "; supportedMsrs() lists those that can be read");
            }
        }
        return entries;
    }

    /** Reads the indices in order up to the first that cannot be read, adds them, and returns how many that were. */
    static int get(FileDescriptor descriptor, List<Integer> part, List<MsrEntry> into) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(HEADER + part.size() * kvm_msr_entry.sizeof(), 8);
            table.set(ValueLayout.JAVA_INT, 0, part.size());
            for (int i = 0; i < part.size(); i++) {
                kvm_msr_entry.index(entry(table, i), part.get(i));
            }
            int read = Ioctl.checked("ioctl KVM_GET_MSRS", descriptor, KvmHeaders.KVM_GET_MSRS(), table);
            for (int i = 0; i < read; i++) {
                into.add(new MsrEntry(part.get(i), kvm_msr_entry.data(entry(table, i))));
            }
            return read;
        }
    }

    static void set(FileDescriptor vcpu, List<MsrEntry> entries) {
        for (int from = 0; from < entries.size(); from += CHUNK) {
            List<MsrEntry> part = entries.subList(from, Math.min(from + CHUNK, entries.size()));
            int written = setPart(vcpu, part);
            if (written < part.size()) {
                throw new ConfigurationException("KVM refuses " + part.get(written) + " for " + vcpu
                        + "; the register or this value of it is not supported, or CPUID does not announce it");
            }
        }
    }

    /** Writes the entries in order up to the first that is refused, and returns how many that were. */
    static int setPart(FileDescriptor vcpu, List<MsrEntry> part) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(HEADER + part.size() * kvm_msr_entry.sizeof(), 8);
            table.set(ValueLayout.JAVA_INT, 0, part.size());
            for (int i = 0; i < part.size(); i++) {
                kvm_msr_entry.index(entry(table, i), part.get(i).index());
                kvm_msr_entry.data(entry(table, i), part.get(i).value());
            }
            return Ioctl.checked("ioctl KVM_SET_MSRS", vcpu, KvmHeaders.KVM_SET_MSRS(), table);
        }
    }

    private static MemorySegment entry(MemorySegment table, int index) {
        return table.asSlice(HEADER + index * kvm_msr_entry.sizeof(), kvm_msr_entry.sizeof());
    }
}
