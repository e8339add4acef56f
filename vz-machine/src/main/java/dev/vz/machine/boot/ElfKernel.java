package dev.vz.machine.boot;

import dev.vz.error.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * A 64-bit ELF kernel ({@code vmlinux}): segments with physical addresses, an entry for the 64-bit boot protocol, and
 * perhaps a note with the PVH entry. Field names are those of the ELF-64 object file format. Immutable.
 */
public final class ElfKernel implements KernelImage {

    /** The first four bytes as a little-endian number. */
    private static final int MAGIC = 0x464C_457F;
    private static final int HEADER = 64;
    private static final int PROGRAM_HEADER = 56;
    /** Real kernels have about five; what claims more is not worth the loop. */
    private static final int MAX_PROGRAM_HEADERS = 256;
    private static final int MAX_NOTES = 1024;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int EM_X86_64 = 62;
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    private final String name;
    private final long entry;
    private final List<Segment> segments;
    private final OptionalLong pvhEntry;

    /**
     * A part of the kernel that is loaded.
     *
     * @param physicalAddress where to, guest-physical ({@code p_paddr})
     * @param memorySize      bytes there; what the file does not give is zero ({@code p_memsz})
     * @param content         what the file gives ({@code p_offset}, {@code p_filesz})
     */
    public record Segment(long physicalAddress, long memorySize, MemorySegment content) {

        /** The first address after it. */
        public long end() {
            return physicalAddress + memorySize;
        }
    }

    private ElfKernel(String name, long entry, List<Segment> segments, OptionalLong pvhEntry) {
        this.name = name;
        this.entry = entry;
        this.segments = List.copyOf(segments);
        this.pvhEntry = pvhEntry;
    }

    static boolean looksLike(MemorySegment file) {
        return file.byteSize() >= 4 && file.get(INT, 0) == MAGIC;
    }

    static ElfKernel parse(String name, MemorySegment file) {
        return new Parser(name, file).parse();
    }

    @Override
    public String name() {
        return name;
    }

    /** {@code e_entry}: guest-physical address of the 64-bit entry. */
    public long entry() {
        return entry;
    }

    /** What is loaded, by ascending address; nothing overlaps. */
    public List<Segment> segments() {
        return segments;
    }

    /** Guest-physical address of the 32-bit PVH entry, if a note gives one. */
    public OptionalLong pvhEntry() {
        return pvhEntry;
    }

    /** The first address that is loaded. */
    public long start() {
        return segments.getFirst().physicalAddress();
    }

    /** The first address after all that is loaded. */
    public long end() {
        return segments.getLast().end();
    }

    @Override
    public String toString() {
        return "ELF kernel " + name;
    }

    private static final class Parser {
        private final String name;
        private final MemorySegment file;
        private final long size;

        Parser(String name, MemorySegment file) {
            this.name = name;
            this.file = file;
            this.size = file.byteSize();
        }

        private FormatException bad(String what) {
            return new FormatException("Cannot boot " + name + ": " + what);
        }

        ElfKernel parse() {
            if (size < HEADER) {
                throw bad("the ELF file is truncated; it ends after " + size + " bytes, inside its header");
            }
            if (file.get(ValueLayout.JAVA_BYTE, 4) != 2 || file.get(ValueLayout.JAVA_BYTE, 5) != 1) {
                throw bad("it is an ELF file of class " + file.get(ValueLayout.JAVA_BYTE, 4) + ", data encoding "
                        + file.get(ValueLayout.JAVA_BYTE, 5) + "; a 64-bit little-endian one (2, 1) is needed");
            }
            int machine = Short.toUnsignedInt(file.get(SHORT, 18));
            if (machine != EM_X86_64) {
                throw bad("it is an ELF file for machine " + machine + "; one for x86-64 (62) is needed");
            }
            int type = Short.toUnsignedInt(file.get(SHORT, 16));
            if (type != 2 && type != 3) {
                throw bad("it is an ELF file of type " + type + "; an executable (2 or 3) is needed");
            }
            int entrySize = Short.toUnsignedInt(file.get(SHORT, 54));
            int count = Short.toUnsignedInt(file.get(SHORT, 56));
            if (entrySize != PROGRAM_HEADER || count == 0 || count > MAX_PROGRAM_HEADERS) {
                throw bad("its ELF header announces " + count + " program headers of " + entrySize
                        + " bytes; expected 1 to " + MAX_PROGRAM_HEADERS + " of " + PROGRAM_HEADER);
            }
            long table = file.get(LONG, 32);
            if (!inside(table, (long) count * PROGRAM_HEADER)) {
                throw bad("the ELF file is truncated; its program headers at 0x" + Long.toHexString(table)
                        + " do not lie inside its " + size + " bytes");
            }
            return parse(table, count);
        }

        private ElfKernel parse(long table, int count) {
            var segments = new ArrayList<Segment>();
            var pvh = OptionalLong.empty();
            for (int i = 0; i < count; i++) {
                long at = table + (long) i * PROGRAM_HEADER;
                switch (file.get(INT, at)) {
                    case PT_LOAD -> addSegment(segments, i, at);
                    case PT_NOTE -> {
                        OptionalLong found = findPvhEntry(i, at);
                        pvh = found.isPresent() ? found : pvh;
                    }
                    default -> {
                        // Nothing that a kernel needs to have loaded.
                    }
                }
            }
            if (segments.isEmpty()) {
                throw bad("the ELF file has nothing to load (no PT_LOAD program header with a size)");
            }
            segments.sort((a, b) -> Long.compareUnsigned(a.physicalAddress, b.physicalAddress));
            for (int i = 1; i < segments.size(); i++) {
                if (Long.compareUnsigned(segments.get(i - 1).end(), segments.get(i).physicalAddress) > 0) {
                    throw bad("its ELF segments overlap at 0x" + Long.toHexString(segments.get(i).physicalAddress));
                }
            }
            return new ElfKernel(name, file.get(LONG, 24), segments, pvh);
        }

        private void addSegment(List<Segment> segments, int index, long at) {
            long offset = file.get(LONG, at + 8);
            long address = file.get(LONG, at + 24);
            long fileSize = file.get(LONG, at + 32);
            long memorySize = file.get(LONG, at + 40);
            String which = "ELF program header " + index;
            if (memorySize == 0 && fileSize == 0) {
                return;
            }
            if (!inside(offset, fileSize)) {
                throw bad("the ELF file is truncated; " + which + " takes 0x" + Long.toHexString(fileSize)
                        + " bytes at 0x" + Long.toHexString(offset) + " of a file of 0x" + Long.toHexString(size));
            }
            if (Long.compareUnsigned(memorySize, fileSize) < 0) {
                throw bad(which + " has p_memsz 0x" + Long.toHexString(memorySize) + ", less than its p_filesz 0x"
                        + Long.toHexString(fileSize));
            }
            if (memorySize < 0 || address < 0 || address + memorySize < 0) {
                throw bad(which + " runs past the end of the address space: p_paddr 0x" + Long.toHexString(address)
                        + ", p_memsz 0x" + Long.toHexString(memorySize));
            }
            segments.add(new Segment(address, memorySize, file.asSlice(offset, fileSize)));
        }

        /** Walks the notes of one PT_NOTE for Xen's PHYS32_ENTRY. */
        private OptionalLong findPvhEntry(int index, long header) {
            long at = file.get(LONG, header + 8);
            long length = file.get(LONG, header + 32);
            if (!inside(at, length)) {
                throw bad("the ELF file is truncated; the notes of program header " + index + " lie outside it");
            }
            long end = at + length;
            for (int notes = 0; notes < MAX_NOTES && end - at >= 12; notes++) {
                long nameSize = Integer.toUnsignedLong(file.get(INT, at));
                long descSize = Integer.toUnsignedLong(file.get(INT, at + 4));
                int type = file.get(INT, at + 8);
                long desc = at + 12 + (nameSize + 3 & ~3L);
                long next = desc + (descSize + 3 & ~3L);
                if (next > end) {
                    return OptionalLong.empty();
                }
                if (type == XEN_ELFNOTE_PHYS32_ENTRY && nameSize == 4 && file.get(INT, at + 12) == 0x006E6558) {
                    if (descSize == 4) {
                        return OptionalLong.of(Integer.toUnsignedLong(file.get(INT, desc)));
                    }
                    if (descSize == 8) {
                        return OptionalLong.of(file.get(LONG, desc));
                    }
                    throw bad("its PVH note has " + descSize + " bytes, expected 4 or 8");
                }
                at = next;
            }
            return OptionalLong.empty();
        }

        private boolean inside(long offset, long length) {
            return offset >= 0 && length >= 0 && offset <= size && length <= size - offset;
        }
    }
}
