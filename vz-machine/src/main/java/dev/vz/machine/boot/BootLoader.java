package dev.vz.machine.boot;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Fills a machine's memory with all that its first processor finds there. Used for one start; a reset makes a new one.
 */
public final class BootLoader {

    private static final long PAGE = 4096;
    /** What Linux says of itself where a kernel's header says nothing. */
    private static final long DEFAULT_INITRD_MAX = 0x7FFF_FFFFL;
    private static final long DEFAULT_COMMAND_LINE = 2047;
    private static final long FILE_MAX = 1L << 30;

    private final GuestMemory memory;
    private final long lowEnd;
    private final List<E820> map;
    private final Optional<Framebuffer> framebuffer;

    /**
     * A loader for {@code memory}.
     *
     * @param reserved    ranges outside the RAM that the guest is to keep out of
     * @param framebuffer a picture that is already set up
     */
    public BootLoader(GuestMemory memory, List<AddressRange> reserved, Optional<Framebuffer> framebuffer) {
        this(memory, reserved, List.of(), framebuffer);
    }

    /**
     * The same where some of the memory belongs to devices.
     *
     * @param devices ranges of memory that the map says nothing of; a device's driver finds them
     */
    public BootLoader(GuestMemory memory, List<AddressRange> reserved, List<AddressRange> devices,
            Optional<Framebuffer> framebuffer) {
        this.memory = memory;
        this.framebuffer = framebuffer;
        this.lowEnd = memory.regions().getFirst().range().last() + 1;
        var ram = memory.regions().stream().filter(r -> reserved.stream().noneMatch(r.range()::overlaps)
                && devices.stream().noneMatch(r.range()::overlaps)).toList();
        this.map = E820.of(ram, reserved);
        if (memory.regions().getFirst().guestAddress() != 0 || lowEnd < 2 * BootArea.HIGH_MEMORY) {
            throw new ConfigurationException("A PC needs 2 MiB of RAM or more from address 0; this one has "
                    + memory.regions().getFirst());
        }
    }

    /** The memory map that the guest is told. */
    public List<E820> memoryMap() {
        return map;
    }

    /**
     * Loads what {@code method} names.
     *
     * @param firmwareTables what goes to {@link BootArea#FIRMWARE_TABLES}, the RSDP first
     * @return how the first processor starts
     * @throws dev.vz.error.FormatException if a file is not what it should be
     * @throws ConfigurationException       if something does not fit, or contradicts itself
     * @throws dev.vz.error.HostException   if a file cannot be read
     */
    public StartState load(BootMethod method, byte[] firmwareTables) {
        if (firmwareTables.length > BootArea.FIRMWARE_TABLES_ROOM) {
            throw new ConfigurationException("The firmware tables have " + firmwareTables.length
                    + " bytes, more than the " + BootArea.FIRMWARE_TABLES_ROOM
                    + " that are there for them; attach fewer "
                    + "devices");
        }
        memory.write(BootArea.FIRMWARE_TABLES, firmwareTables);
        return switch (method) {
            case LinuxBoot linux -> loadLinux(linux);
            case CodeBoot code -> loadCode(code);
        };
    }

    private StartState loadCode(CodeBoot boot) {
        long size = boot.code().size();
        long end = boot.address() + size;
        boolean real = boot.mode() == CodeBoot.Mode.REAL;
        // Real mode needs no tables; the others have theirs below 64 KiB and the code must not lie over them.
        long from = real ? PAGE : BootArea.PAGE_TABLES + 6 * PAGE;
        if (boot.address() < from || end < 0 || end > lowEnd || real && boot.address() > 0xFFFF) {
            throw new ConfigurationException("Cannot load " + boot.code().name() + " of " + size + " bytes at 0x"
                    + Long.toHexString(boot.address()) + ": code for " + boot.mode() + " mode must start at 0x"
                    + Long.toHexString(from) + " or above" + (real ? ", below 0x10000," : "")
                    + " and end inside the RAM, which ends at 0x" + Long.toHexString(lowEnd));
        }
        boot.code().copyTo(memory, boot.address(), size);
        return switch (boot.mode()) {
            case REAL -> StartState.realMode(boot.address());
            case PROTECTED -> StartState.protectedMode(memory, boot.address(), 0);
            case LONG -> StartState.longMode(memory, boot.address(), 0);
        };
    }

    // ---------------------------------------------------------------------------------------------------- Linux

    /** A kernel that is in memory. */
    private record Loaded(String name, long start, long end, long entry64, OptionalLong pvhEntry, long initrdMax,
            long commandLineMax, Optional<MemorySegment> setupHeader) {}

    private StartState loadLinux(LinuxBoot boot) {
        byte[] bytes = boot.kernel().read(Math.min(lowEnd, FILE_MAX));
        KernelImage image = KernelImage.parse(boot.kernel().name(), bytes);
        Loaded kernel = switch (image) {
            case BzImage bz -> boot.unpack() ? loadUnpacked(bz) : loadBzImage(bz);
            case ElfKernel elf -> loadElf(elf, Optional.empty());
        };
        boolean pvh = boot.entry() == LinuxBoot.Entry.PVH;
        if (pvh && kernel.pvhEntry.isEmpty()) {
            throw new ConfigurationException("Cannot boot " + image.name() + " through PVH: "
                    + (image instanceof BzImage && !boot.unpack()
                            ? "a bzImage hides its PVH entry until it is unpacked; ask for unpacking as well"
                            : "it has no PVH entry (ELF note 18 of Xen)"));
        }
        int commandLine = writeCommandLine(kernel, boot.commandLine());
        AddressRange initrd = boot.initrds().isEmpty() ? null : loadInitrds(kernel, boot.initrds());
        long initrdAddress = initrd == null ? 0 : initrd.start();
        long initrdSize = initrd == null ? 0 : initrd.length();
        if (pvh) {
            PvhStartInfo.write(memory, BootArea.START_INFO, BootArea.COMMAND_LINE, initrdAddress, initrdSize,
                    BootArea.FIRMWARE_TABLES, map);
            return StartState.protectedMode(memory, kernel.pvhEntry.getAsLong(), BootArea.START_INFO);
        }
        var zeroPage = new ZeroPage(memory, BootArea.ZERO_PAGE);
        zeroPage.setupHeader(kernel.setupHeader);
        zeroPage.commandLine(BootArea.COMMAND_LINE, commandLine);
        zeroPage.initrd(initrdAddress, initrdSize);
        zeroPage.rsdp(BootArea.FIRMWARE_TABLES);
        zeroPage.memoryMap(map);
        framebuffer.ifPresent(zeroPage::screen);
        return StartState.longMode(memory, kernel.entry64, BootArea.ZERO_PAGE);
    }

    private Loaded loadBzImage(BzImage image) {
        MemorySegment code = image.protectedModeKernel();
        long size = Math.max(code.byteSize(), image.initSize());
        long address = placeKernel(image, size);
        memory.write(address, code);
        return new Loaded(image.name(), address, address + size, address + BzImage.entryOffset(), OptionalLong.empty(),
                image.initrdAddressMax(), image.commandLineSize(), Optional.of(image.setupHeader()));
    }

    /** Its preferred address if there is room, else the lowest that will do. */
    private long placeKernel(BzImage image, long size) {
        long preferred = image.prefAddress();
        if (preferred >= BootArea.HIGH_MEMORY && preferred <= lowEnd && size <= lowEnd - preferred) {
            return preferred;
        }
        long lowest = roundUp(BootArea.HIGH_MEMORY, image.kernelAlignment());
        if (!image.relocatable() || lowest > lowEnd || size > lowEnd - lowest) {
            throw tooLarge(image.name(), image.relocatable() ? lowest : preferred, size);
        }
        return lowest;
    }

    private Loaded loadUnpacked(BzImage image) {
        Loaded loaded;
        try (Arena room = Arena.ofConfined()) {
            ElfKernel elf = KernelUnpacker.unpack(image, Math.min(lowEnd, FILE_MAX), room);
            loaded = loadElf(elf, Optional.of(image.setupHeader()));
        }
        long end = Math.max(loaded.end, loaded.start + image.initSize());
        if (end > lowEnd) {
            throw tooLarge(image.name(), loaded.start, end - loaded.start);
        }
        return new Loaded(loaded.name, loaded.start, end, loaded.entry64, loaded.pvhEntry, image.initrdAddressMax(),
                image.commandLineSize(), loaded.setupHeader);
    }

    private Loaded loadElf(ElfKernel elf, Optional<MemorySegment> setupHeader) {
        if (elf.start() < BootArea.HIGH_MEMORY) {
            throw new ConfigurationException("Cannot load " + elf.name() + ": its segment at 0x"
                    + Long.toHexString(elf.start())
                    + " overlaps the zero page and the tables of the boot loader, which "
                    + "lie below 0x100000");
        }
        for (ElfKernel.Segment segment : elf.segments()) {
            if (segment.end() > lowEnd) {
                throw tooLarge(elf.name(), segment.physicalAddress(), segment.memorySize());
            }
        }
        for (ElfKernel.Segment segment : elf.segments()) {
            long given = segment.content().byteSize();
            memory.write(segment.physicalAddress(), segment.content());
            memory.fill(segment.physicalAddress() + given, segment.memorySize() - given, (byte) 0);
        }
        return new Loaded(elf.name(), elf.start(), elf.end(), elf.entry(), elf.pvhEntry(), DEFAULT_INITRD_MAX,
                DEFAULT_COMMAND_LINE, setupHeader);
    }

    private ConfigurationException tooLarge(String name, long address, long size) {
        return new ConfigurationException("Cannot load " + name + ": it needs " + size + " bytes at 0x"
                + Long.toHexString(address) + ", but the guest's RAM below 4 GiB ends at 0x" + Long.toHexString(lowEnd)
                + "; give the guest at least " + (address + size + (1 << 20) - 1 >>> 20) + " MiB");
    }

    private int writeCommandLine(Loaded kernel, String text) {
        long limit = Math.min(kernel.commandLineMax, BootArea.COMMAND_LINE_ROOM - 1);
        if (text.length() > limit) {
            throw new ConfigurationException("The command line for " + kernel.name + " has " + text.length()
                    + " characters; this kernel takes up to " + limit);
        }
        int odd = text.chars().filter(c -> c < 0x20 || c > 0x7E).findFirst().orElse(-1);
        if (odd >= 0) {
            throw new ConfigurationException("The command line for " + kernel.name + " holds the character U+"
                    + String.format("%04X", odd) + "; only printable ASCII can be passed");
        }
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        memory.write(BootArea.COMMAND_LINE, bytes);
        memory.writeByte(BootArea.COMMAND_LINE + bytes.length, (byte) 0);
        return bytes.length;
    }

    /** As high as the kernel allows, so that it does not have to move it out of its own way. */
    private AddressRange loadInitrds(Loaded kernel, List<BootFile> initrds) {
        long total = 0;
        for (BootFile initrd : initrds) {
            total = Math.addExact(roundUp(total, 4), initrd.size());
        }
        long top = Math.min(kernel.initrdMax + 1, lowEnd);
        long address = top - total & -PAGE;
        if (total == 0 || total > top || address < roundUp(kernel.end, PAGE)) {
            String names = String.join(", ", initrds.stream().map(BootFile::name).toList());
            throw new ConfigurationException(total == 0
                    ? "The initial RAM disk " + names + " is empty"
                    : "The initial RAM disk " + names + " of " + total
                            + " bytes does not fit between the kernel, which "
                            + "ends at 0x" + Long.toHexString(kernel.end) + ", and 0x" + Long.toHexString(top)
                            + "; give the guest more memory");
        }
        long offset = 0;
        for (BootFile initrd : initrds) {
            // Archives after the first start at a multiple of four; the gap must be zeros.
            long aligned = roundUp(offset, 4);
            memory.fill(address + offset, aligned - offset, (byte) 0);
            long size = initrd.size();
            if (size > total - aligned) {
                throw new ConfigurationException("The initial RAM disk " + initrd.name()
                        + " grew while it was being loaded; is somebody writing it?");
            }
            initrd.copyTo(memory, address + aligned, size);
            offset = aligned + size;
        }
        return new AddressRange(address, total);
    }

    private static long roundUp(long value, long alignment) {
        return value + alignment - 1 & -alignment;
    }
}
