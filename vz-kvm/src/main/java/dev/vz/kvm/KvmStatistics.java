package dev.vz.kvm;

import dev.vz.error.FormatException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_stats_desc;
import dev.vz.kvm.generated.kvm_stats_header;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.file.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The counters of a machine or a vCPU: a file of the kernel that describes itself (KVM_GET_STATS_FD).
 *
 * <p>
 * Whoever opened it closes it; it may be read while vCPUs run, and after the machine has ended. Thread-safe.
 */
public final class KvmStatistics implements AutoCloseable {

    private static final long HEADER = kvm_stats_header.sizeof();
    private static final long DESCRIPTOR = kvm_stats_desc.sizeof();
    /** More than any kernel has; beyond it the file is not what it says. */
    private static final int MAXIMUM_COUNTERS = 65_536;
    private static final int MAXIMUM_NAME = 4096;
    private static final long MAXIMUM_DATA = 64 << 20;

    private final FileDescriptor file;

    private KvmStatistics(FileDescriptor file) {
        this.file = file;
    }

    static KvmStatistics open(FileDescriptor owner) {
        int number = Ioctl.checked("ioctl KVM_GET_STATS_FD", owner, KvmHeaders.KVM_GET_STATS_FD(), 0);
        return new KvmStatistics(FileDescriptor.adopt(number, "statistics of " + owner.description()));
    }

    /**
     * Reads all counters.
     *
     * @throws FormatException if the file does not describe itself as the KVM API says
     */
    public List<KvmStatistic> read() {
        try (var arena = Arena.ofConfined()) {
            MemorySegment header = read(arena, 0, HEADER);
            int count = bounded("counters", kvm_stats_header.num_desc(header), MAXIMUM_COUNTERS);
            int nameSize = bounded("bytes of a name", kvm_stats_header.name_size(header), MAXIMUM_NAME);
            long descriptorSize = DESCRIPTOR + nameSize;
            MemorySegment table = read(arena, Integer.toUnsignedLong(kvm_stats_header.desc_offset(header)),
                    count * descriptorSize);
            long dataSize = 0;
            for (int i = 0; i < count; i++) {
                MemorySegment d = table.asSlice(i * descriptorSize, descriptorSize);
                dataSize = Math.max(dataSize, Integer.toUnsignedLong(kvm_stats_desc.offset(d))
                        + 8L * Short.toUnsignedInt(kvm_stats_desc.size(d)));
            }
            if (dataSize > MAXIMUM_DATA) {
                throw new FormatException(file + " says that its counters take " + dataSize + " bytes");
            }
            MemorySegment data = read(arena, Integer.toUnsignedLong(kvm_stats_header.data_offset(header)), dataSize);
            var found = new ArrayList<KvmStatistic>(count);
            for (int i = 0; i < count; i++) {
                found.add(counter(table.asSlice(i * descriptorSize, descriptorSize), data));
            }
            return List.copyOf(found);
        }
    }

    private static KvmStatistic counter(MemorySegment descriptor, MemorySegment data) {
        int flags = kvm_stats_desc.flags(descriptor);
        MemorySegment name = descriptor.asSlice(DESCRIPTOR);
        int length = 0;
        while (length < name.byteSize() && name.get(ValueLayout.JAVA_BYTE, length) != 0) {
            length++;
        }
        var values = new ArrayList<Long>();
        long at = Integer.toUnsignedLong(kvm_stats_desc.offset(descriptor));
        for (int i = 0; i < Short.toUnsignedInt(kvm_stats_desc.size(descriptor)); i++) {
            values.add(data.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 8L * i));
        }
        int type = (flags & KvmHeaders.KVM_STATS_TYPE_MASK()) >>> KvmHeaders.KVM_STATS_TYPE_SHIFT();
        int unit = (flags & KvmHeaders.KVM_STATS_UNIT_MASK()) >>> KvmHeaders.KVM_STATS_UNIT_SHIFT();
        int base = (flags & KvmHeaders.KVM_STATS_BASE_MASK()) >>> KvmHeaders.KVM_STATS_BASE_SHIFT();
        KvmStatistic.Type[] types = KvmStatistic.Type.values();
        KvmStatistic.Unit[] units = KvmStatistic.Unit.values();
        return new KvmStatistic(
                new String(name.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII),
                types[Math.min(type, types.length - 1)], units[Math.min(unit, units.length - 1)], base == 0 ? 10 : 2,
                kvm_stats_desc.exponent(descriptor), kvm_stats_desc.bucket_size(descriptor), values);
    }

    private int bounded(String what, int value, int most) {
        if (value < 0 || value > most) {
            throw new FormatException(file + " says that it has " + Integer.toUnsignedString(value) + " " + what
                    + "; expected at most " + most);
        }
        return value;
    }

    private MemorySegment read(Arena arena, long offset, long size) {
        MemorySegment target = arena.allocate(Math.max(size, 1), 8).asSlice(0, size);
        long read = FileIo.preadFully(file, offset, target);
        if (read < size) {
            throw new FormatException(file + " ends at byte " + (offset + Math.max(read, 0)) + ", expected " + size
                    + " bytes from " + offset);
        }
        return target;
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
