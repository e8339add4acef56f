package dev.vz.machine.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.ConfigurationException;
import dev.vz.machine.boot.E820.Type;
import dev.vz.machine.boot.KernelFiles.BzImageFile;
import dev.vz.machine.boot.KernelFiles.ElfFile;
import dev.vz.machine.boot.LinuxBoot.Entry;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fields are those of Linux's boot.rst and zero-page.rst, and of Xen's start_info.h. */
class BootLoaderTest {

    private static final long MIB = 1 << 20;
    private static final long ZERO_PAGE = 0x7000;
    private static final byte[] TABLES = {1, 2, 3};

    private final Arena arena = Arena.ofConfined();
    private GuestMemory memory = memory(64);

    @AfterEach
    void close() {
        arena.close();
    }

    private GuestMemory memory(long mib) {
        return GuestMemory.of(MemoryRegion.borrowed(0, arena.allocate(mib * MIB, 4096)));
    }

    private StartState load(BootMethod method) {
        return new BootLoader(memory, List.of(), Optional.empty()).load(method, TABLES);
    }

    private static LinuxBoot linux(byte[] kernel) {
        return LinuxBoot.of(BootFile.of("kernel", kernel));
    }

    private static BootFile file(String name, int size) {
        var bytes = new byte[size];
        Arrays.fill(bytes, (byte) name.charAt(0));
        return BootFile.of(name, bytes);
    }

    private void assertRefused(BootMethod method, String message) {
        assertThatThrownBy(() -> load(method)).isInstanceOf(ConfigurationException.class).hasMessage(message);
    }

    @Test
    void a_bzImage_starts_at_its_64_bit_entry_with_RSI_at_the_zero_page() {
        var file = new BzImageFile();
        Arrays.fill(file.code, (byte) 0x90);
        StartState start = load(linux(file.bytes()).withCommandLine("console=ttyS0"));
        assertThat(start.registers().rip()).isEqualTo(0x100_0200);
        assertThat(start.registers().rsi()).isEqualTo(ZERO_PAGE);
        assertThat(start.registers().rflags()).as("interrupts are off").isEqualTo(2);
        assertThat(start.special().efer() & SpecialRegisters.EFER_LMA).isNotZero();
        assertThat(start.special().cs().selector()).as("__BOOT_CS").isEqualTo(0x10);
        assertThat(start.special().ds().selector()).as("__BOOT_DS").isEqualTo(0x18);
        assertThat(memory.readByte(0x100_0000)).isEqualTo((byte) 0x90);
        assertThat(memory.readInt(ZERO_PAGE + 0x202)).isEqualTo(0x53726448);
        assertThat(memory.readByte(ZERO_PAGE + 0x210)).as("type_of_loader").isEqualTo((byte) 0xFF);
        long commandLine = memory.readInt(ZERO_PAGE + 0x228);
        assertThat(new String(memory.read(commandLine, 14), StandardCharsets.US_ASCII)).isEqualTo("console=ttyS0\0");
        assertThat(memory.readLong(ZERO_PAGE + 0x70)).as("acpi_rsdp_addr").isEqualTo(0xE_0000);
        assertThat(memory.read(0xE_0000, 3)).isEqualTo(TABLES);
    }

    @Test
    void the_first_four_gigabytes_are_mapped_to_themselves() {
        StartState start = load(linux(new BzImageFile().bytes()));
        for (long address : new long[] {0, 0x100_0000, 0xFFFF_FFFFL, 0xFEE0_0123L, 0x7000}) {
            assertThat(translate(start.special().cr3(), address)).isEqualTo(address);
        }
        assertThat(memory.readLong(start.special().cr3() + 8) & 1).as("beyond 512 GiB").isZero();
    }

    /** Walks the page tables as the processor does, for 2 MiB pages. */
    private long translate(long cr3, long address) {
        long level3 = memory.readLong(cr3 + 8 * (address >>> 39 & 511));
        long level2 = memory.readLong((level3 & ~0xFFFL) + 8 * (address >>> 30 & 511));
        long page = memory.readLong((level2 & ~0xFFFL) + 8 * (address >>> 21 & 511));
        assertThat(level3 & level2 & page & 3).as("present and writable").isEqualTo(3);
        assertThat(page & 0x80).as("2 MiB page").isEqualTo(0x80);
        return page & ~0x1F_FFFFL | address & 0x1F_FFFF;
    }

    @Test
    void the_memory_map_leaves_out_what_is_no_RAM() {
        load(linux(new BzImageFile().bytes()));
        assertThat(memory.readByte(ZERO_PAGE + 0x1E8)).isEqualTo((byte) 4);
        long[][] expected = {{0, 0x9_FC00, 1}, {0x9_FC00, 0x400, 2}, {0xE_0000, 0x2_0000, 2},
            {0x10_0000, 63 * MIB, 1}};
        for (int i = 0; i < 4; i++) {
            long entry = ZERO_PAGE + 0x2D0 + 20L * i;
            assertThat(memory.readLong(entry)).isEqualTo(expected[i][0]);
            assertThat(memory.readLong(entry + 8)).isEqualTo(expected[i][1]);
            assertThat(memory.readInt(entry + 16)).isEqualTo((int) expected[i][2]);
        }
    }

    @Test
    void the_memory_map_has_a_hole_below_4_GiB_for_large_machines() {
        var low = MemoryRegion.borrowed(0, arena.allocate(4 * MIB, 4096));
        var high = MemoryRegion.borrowed(1L << 32, arena.allocate(8 * MIB, 4096));
        var framebuffer = new AddressRange(0xF000_0000L, MIB);
        List<E820> map = E820.of(List.of(low, high), List.of(framebuffer));
        assertThat(map).extracting(E820::type).containsExactly(Type.RAM, Type.RESERVED, Type.RESERVED, Type.RAM,
                Type.RESERVED, Type.RAM);
        assertThat(map.getLast().range()).isEqualTo(new AddressRange(1L << 32, 8 * MIB));
        assertThat(map.get(4).range()).isEqualTo(framebuffer);
    }

    @Test
    void initial_RAM_disks_lie_one_after_the_other_as_high_as_the_kernel_allows() {
        load(linux(new BzImageFile().bytes()).withInitrd(file("abc", 4097)).withInitrd(file("xyz", 6)));
        long address = Integer.toUnsignedLong(memory.readInt(ZERO_PAGE + 0x218));
        assertThat(address).isEqualTo(64 * MIB - 8192);
        assertThat(memory.readInt(ZERO_PAGE + 0x21C)).isEqualTo(4100 + 6);
        assertThat(memory.readByte(address + 4096)).isEqualTo((byte) 'a');
        assertThat(memory.read(address + 4097, 3)).as("zeros up to a multiple of four").containsOnly(0);
        assertThat(memory.read(address + 4100, 6)).containsOnly('x');
    }

    @Test
    void an_initial_RAM_disk_stays_below_initrd_addr_max() {
        var kernel = new BzImageFile();
        kernel.header.putInt(0x22C, 0x2FF_FFFF);
        load(linux(kernel.bytes()).withInitrd(file("abc", 4096)));
        assertThat(memory.readInt(ZERO_PAGE + 0x218)).isEqualTo(0x300_0000 - 4096);
    }

    @Test
    void an_initial_RAM_disk_that_does_not_fit_is_refused() {
        assertRefused(linux(new BzImageFile().bytes()).withInitrd(file("abc", 48 << 20)),
                "The initial RAM disk abc of 50331648 bytes does not fit between the kernel, which ends at 0x1100000, and "
                        + "0x4000000; give the guest more memory");
        assertRefused(linux(new BzImageFile().bytes()).withInitrd(BootFile.of("abc", new byte[0])),
                "The initial RAM disk abc is empty");
    }

    @Test
    void a_command_line_that_is_too_long_is_refused() {
        String longest = "x".repeat(2047);
        load(linux(new BzImageFile().bytes()).withCommandLine(longest));
        assertThat(memory.readByte(memory.readInt(ZERO_PAGE + 0x228) + 2047L)).isZero();
        assertRefused(linux(new BzImageFile().bytes()).withCommandLine(longest + "y"),
                "The command line for kernel has 2048 characters; this kernel takes up to 2047");
    }

    @Test
    void a_command_line_with_odd_characters_is_refused() {
        assertRefused(linux(new BzImageFile().bytes()).withCommandLine("a\nb"),
                "The command line for kernel holds the character U+000A; only printable ASCII can be passed");
    }

    @Test
    void a_relocatable_kernel_moves_down_when_its_preferred_address_has_no_room() {
        memory = memory(16);
        StartState start = load(linux(new BzImageFile().bytes()));
        assertThat(start.registers().rip()).isEqualTo(0x20_0200);
    }

    @Test
    void a_kernel_too_large_for_the_memory_is_refused() {
        var large = new BzImageFile();
        large.header.putInt(0x260, 100 << 20);
        assertRefused(linux(large.bytes()),
                "Cannot load kernel: it needs 104857600 bytes at 0x200000, but the guest's RAM "
                        + "below 4 GiB ends at 0x4000000; give the guest at least 102 MiB");
        var fixed = new BzImageFile();
        fixed.header.put(0x234, (byte) 0);
        memory = memory(8);
        assertRefused(linux(fixed.bytes()),
                "Cannot load kernel: it needs 1048576 bytes at 0x1000000, but the guest's RAM "
                        + "below 4 GiB ends at 0x800000; give the guest at least 17 MiB");
    }

    @Test
    void a_kernel_file_larger_than_the_memory_is_refused_before_it_is_read() {
        memory = memory(2);
        assertRefused(linux(new byte[3 << 20]),
                "Cannot load kernel: it has 3145728 bytes, more than the 2097152 that the "
                        + "guest's memory leaves for it; give the guest more memory");
    }

    @Test
    void an_ELF_kernel_starts_at_its_entry_and_its_bss_is_zero() {
        memory.fill(0x100_0000, 0x2000, (byte) 0x55);
        var kernel = new ElfFile().load(0x100_0000, new byte[] {1, 2, 3, 4}, 0x1000);
        kernel.entry = 0x100_0002;
        StartState start = load(linux(kernel.bytes()));
        assertThat(start.registers().rip()).isEqualTo(0x100_0002);
        assertThat(start.registers().rsi()).isEqualTo(ZERO_PAGE);
        assertThat(memory.read(0x100_0000, 4)).containsExactly(1, 2, 3, 4);
        assertThat(memory.read(0x100_0004, 0xFFC)).containsOnly(0);
        assertThat(memory.readByte(0x100_1000)).isEqualTo((byte) 0x55);
        assertThat(memory.readShort(ZERO_PAGE + 0x1FE)).as("boot_flag").isEqualTo((short) 0xAA55);
        assertThat(memory.readInt(ZERO_PAGE + 0x202)).as("header").isEqualTo(0x53726448);
    }

    @Test
    void an_ELF_kernel_that_overlaps_the_zero_page_is_refused() {
        assertRefused(linux(new ElfFile().load(0x6000, new byte[4], 0x2000).bytes()),
                "Cannot load kernel: its segment at 0x6000 overlaps the zero page and the tables of the boot loader, which "
                        + "lie below 0x100000");
    }

    @Test
    void an_ELF_kernel_too_large_for_the_memory_is_refused_and_nothing_is_written() {
        assertRefused(
                linux(new ElfFile().load(0x100_0000, new byte[] {9}, 1).load(0x200_0000, new byte[4], 1L << 40)
                        .bytes()),
                "Cannot load kernel: it needs 1099511627776 bytes at 0x2000000, but the guest's RAM below 4 GiB ends at "
                        + "0x4000000; give the guest at least 1048608 MiB");
        assertThat(memory.readByte(0x100_0000)).isZero();
    }

    @Test
    void PVH_starts_in_protected_mode_with_EBX_at_the_start_info() {
        byte[] kernel = new ElfFile().load(0x100_0000, new byte[64], 64).pvh(0x100_0010).bytes();
        StartState start = load(
                linux(kernel).withEntry(Entry.PVH).withCommandLine("a=b").withInitrd(file("abc", 5000)));
        assertThat(start.registers().rip()).isEqualTo(0x100_0010);
        long info = start.registers().rbx();
        assertThat(start.special().cr0() & SpecialRegisters.CR0_PG).isZero();
        assertThat(start.special().cr0() & SpecialRegisters.CR0_PE).isNotZero();
        assertThat(start.special().cs().defaultBig()).isTrue();
        assertThat(memory.readInt(info)).as("magic").isEqualTo(0x336EC578);
        assertThat(memory.readInt(info + 4)).as("version").isEqualTo(1);
        assertThat(memory.readInt(info + 12)).as("nr_modules").isEqualTo(1);
        long module = memory.readLong(info + 16);
        assertThat(memory.readLong(module)).as("paddr").isEqualTo(64 * MIB - 8192);
        assertThat(memory.readLong(module + 8)).as("size").isEqualTo(5000);
        assertThat(new String(memory.read(memory.readLong(info + 24), 4), StandardCharsets.US_ASCII))
                .isEqualTo("a=b\0");
        assertThat(memory.readLong(info + 32)).as("rsdp_paddr").isEqualTo(0xE_0000);
        assertThat(memory.readInt(info + 48)).as("memmap_entries").isEqualTo(4);
        long map = memory.readLong(info + 40);
        assertThat(memory.readLong(map + 3 * 24)).isEqualTo(0x10_0000);
        assertThat(memory.readInt(map + 3 * 24 + 16)).isEqualTo(1);
    }

    @Test
    void PVH_without_a_PVH_entry_is_refused() {
        assertRefused(linux(new ElfFile().load(0x100_0000, new byte[64], 64).bytes()).withEntry(Entry.PVH),
                "Cannot boot kernel through PVH: it has no PVH entry (ELF note 18 of Xen)");
        assertRefused(linux(new BzImageFile().bytes()).withEntry(Entry.PVH),
                "Cannot boot kernel through PVH: a bzImage hides "
                        + "its PVH entry until it is unpacked; ask for unpacking as well");
    }

    @Test
    void a_framebuffer_is_described_as_EFI_would() {
        var loader = new BootLoader(memory, List.of(), Optional.of(new Framebuffer(0xF000_0000L, 1024, 768)));
        loader.load(linux(new BzImageFile().bytes()), TABLES);
        assertThat(memory.readByte(ZERO_PAGE + 0x0F)).as("orig_video_isVGA").isEqualTo((byte) 0x70);
        assertThat(memory.readShort(ZERO_PAGE + 0x12)).as("lfb_width").isEqualTo((short) 1024);
        assertThat(memory.readShort(ZERO_PAGE + 0x14)).as("lfb_height").isEqualTo((short) 768);
        assertThat(memory.readShort(ZERO_PAGE + 0x16)).as("lfb_depth").isEqualTo((short) 32);
        assertThat(memory.readInt(ZERO_PAGE + 0x18)).as("lfb_base").isEqualTo(0xF000_0000);
        assertThat(memory.readInt(ZERO_PAGE + 0x1C)).as("lfb_size").isEqualTo(1024 * 768 * 4);
        assertThat(memory.readShort(ZERO_PAGE + 0x24)).as("lfb_linelength").isEqualTo((short) 4096);
        assertThat(memory.read(ZERO_PAGE + 0x26, 8)).as("masks: red, green, blue, reserved").containsExactly(8, 16, 8,
                8,
                8, 0, 8, 24);
    }

    @Test
    void memory_of_devices_is_in_no_map() {
        var range = new AddressRange(0x1_0000_0000L, 4096);
        try (var block = Arena.ofShared()) {
            memory.add(MemoryRegion.borrowed(range.start(), block.allocate(4096, 4096)));
            assertThat(new BootLoader(memory, List.of(), Optional.empty()).memoryMap()).anyMatch(
                    entry -> entry.range().equals(range));
            assertThat(new BootLoader(memory, List.of(), List.of(range), Optional.empty()).memoryMap()).noneMatch(
                    entry -> entry.range().overlaps(range));
        }
    }

    @Test
    void bare_code_starts_in_the_mode_it_is_written_for() {
        BootFile code = BootFile.of("code", new byte[] {(byte) 0xF4});
        StartState real = load(new CodeBoot(code, 0x7C00, CodeBoot.Mode.REAL));
        assertThat(real.registers().rip()).isEqualTo(0x7C00);
        assertThat(real.special().cr0() & 1).isZero();
        assertThat(memory.readByte(0x7C00)).isEqualTo((byte) 0xF4);
        StartState wide = load(new CodeBoot(code, 0x10_0000, CodeBoot.Mode.LONG));
        assertThat(wide.special().efer() & SpecialRegisters.EFER_LMA).isNotZero();
        StartState flat = load(new CodeBoot(code, 0x10_0000, CodeBoot.Mode.PROTECTED));
        assertThat(flat.special().cr0()).isEqualTo(0x31);
    }

    @Test
    void bare_code_over_the_tables_or_outside_the_memory_is_refused() {
        BootFile code = BootFile.of("code", new byte[] {(byte) 0xF4});
        assertRefused(new CodeBoot(code, 0x9000, CodeBoot.Mode.LONG),
                "Cannot load code of 1 bytes at 0x9000: code for LONG "
                        + "mode must start at 0xf000 or above and end inside the RAM, which ends at 0x4000000");
        assertRefused(new CodeBoot(code, 0x1_0000, CodeBoot.Mode.REAL),
                "Cannot load code of 1 bytes at 0x10000: code for "
                        + "REAL mode must start at 0x1000 or above, below 0x10000, and end inside the RAM, which ends at 0x4000000");
        assertRefused(new CodeBoot(code, 64 * MIB, CodeBoot.Mode.LONG),
                "Cannot load code of 1 bytes at 0x4000000: code for "
                        + "LONG mode must start at 0xf000 or above and end inside the RAM, which ends at 0x4000000");
    }

    @Test
    void a_machine_with_hardly_any_memory_is_refused() {
        memory = memory(1);
        assertThatThrownBy(() -> load(linux(new BzImageFile().bytes()))).isInstanceOf(ConfigurationException.class)
                .hasMessage("A PC needs 2 MiB of RAM or more from address 0; this one has memory [0x0-0xfffff]");
    }

    @Test
    void files_of_the_host_are_read_into_the_guest(@TempDir Path folder) throws Exception {
        Path kernel = folder.resolve("bzImage");
        Path initrd = folder.resolve("initrd");
        Files.write(kernel, new BzImageFile().bytes());
        Files.write(initrd, "archive".getBytes(StandardCharsets.US_ASCII));
        load(LinuxBoot.of(BootFile.of(kernel)).withInitrd(BootFile.of(initrd)));
        assertThat(new String(memory.read(64 * MIB - 4096, 7), StandardCharsets.US_ASCII)).isEqualTo("archive");
        assertRefused(LinuxBoot.of(BootFile.of(folder.resolve("none"))),
                "Cannot boot from " + folder.resolve("none") + ": there is no such file");
        assertRefused(LinuxBoot.of(BootFile.of(folder)), "Cannot boot from " + folder + ": it is not a regular file");
    }
}
