package dev.vz.machine.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.machine.boot.KernelFiles.BzImageFile;
import dev.vz.machine.boot.KernelFiles.ElfFile;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class KernelImageTest {

    private static void assertRefused(byte[] bytes, String message) {
        assertThatThrownBy(() -> KernelImage.parse("k", bytes)).isInstanceOf(FormatException.class)
                .hasMessage("Cannot boot k: " + message);
    }

    @Test
    void a_bzImage_is_told_by_its_content() {
        var image = (BzImage) new BzImageFile().parse();
        assertThat(image.version()).isEqualTo(0x20F);
        assertThat(image.kernelVersion()).contains("6.1.0-test");
        assertThat(image.relocatable()).isTrue();
        assertThat(image.prefAddress()).isEqualTo(0x100_0000);
        assertThat(image.initSize()).isEqualTo(0x10_0000);
        assertThat(image.commandLineSize()).isEqualTo(2047);
        assertThat(image.protectedModeKernel().byteSize()).isEqualTo(4096);
        assertThat(image).hasToString("bzImage bzImage (6.1.0-test)");
    }

    @Test
    void an_ELF_kernel_is_told_by_its_content() {
        var image = (ElfKernel) new ElfFile().load(0x100_0000, new byte[10], 0x2000).load(0x200_0000, new byte[5], 5)
                .pvh(0x100_0040).parse();
        assertThat(image.entry()).isEqualTo(0x100_0000);
        assertThat(image.pvhEntry()).hasValue(0x100_0040);
        assertThat(image.start()).isEqualTo(0x100_0000);
        assertThat(image.end()).isEqualTo(0x200_0005);
        assertThat(image.segments()).hasSize(2);
    }

    @Test
    void a_file_that_is_no_kernel_is_refused_with_what_it_is() {
        String no = "it is no kernel. It is neither a bzImage (\"HdrS\" at offset 0x202) nor an ELF file; ";
        assertRefused(new byte[0], no + "the file is empty");
        assertRefused("#!/bin/sh\necho hello\n".getBytes(StandardCharsets.US_ASCII), no + "it is a text file");
        assertRefused(new byte[100], no + "with 100 bytes it is too short to be one");
        assertRefused(new byte[5000], no + "it begins with 00 00 00 00 00 00 00 00");
        assertRefused(new byte[] {0x1F, (byte) 0x8B, 8, 0},
                no + "it is compressed with gzip: unpack it first, or is it an initial RAM disk?");
        assertRefused("070701".getBytes(StandardCharsets.US_ASCII),
                no + "it is a cpio archive: is it an initial RAM disk?");
        var arm = new byte[64];
        System.arraycopy("ARMd".getBytes(StandardCharsets.US_ASCII), 0, arm, 0x38, 4);
        assertRefused(arm, no + "it is a kernel for another processor (arm64 or riscv); an x86-64 one is needed");
        assertRefused(new byte[] {'M', 'Z', 0, 0}, no + "it is a PE/EFI program: starting those needs firmware");
    }

    @Test
    void a_truncated_bzImage_is_refused() {
        byte[] whole = new BzImageFile().bytes();
        assertRefused(Arrays.copyOf(whole, 0x220),
                "the bzImage is truncated; it ends after 544 bytes, inside its setup header");
        assertRefused(Arrays.copyOf(whole, whole.length - 100),
                "the bzImage is truncated; its header announces 5120 bytes, the file has 5020");
        assertRefused(Arrays.copyOf(whole, 1024),
                "the bzImage is truncated; its header announces 5120 bytes, the file has 1024");
    }

    @Test
    void a_damaged_bzImage_is_refused_with_the_field() {
        var flag = new BzImageFile();
        flag.header.putShort(0x1FE, (short) 0x1234);
        assertRefused(flag.bytes(), "boot_flag at 0x1fe is 0x1234, expected 0xaa55; the file is damaged");
        var alignment = new BzImageFile();
        alignment.header.putInt(0x230, 3);
        assertRefused(alignment.bytes(), "kernel_alignment is 0x3, expected a power of two of 4096 or more");
        var jump = new BzImageFile();
        jump.header.put(0x201, (byte) 0xFF);
        assertRefused(jump.bytes(), "the setup header ends at 0x301, expected 0x268 to 0x290");
    }

    @Test
    void an_old_or_32_bit_bzImage_is_refused() {
        var old = new BzImageFile();
        old.header.putShort(0x206, (short) 0x20A);
        assertRefused(old.bytes(),
                "its boot protocol is 2.10, older than the 2.12 (Linux 3.8) that has a 64-bit entry");
        var narrow = new BzImageFile();
        narrow.header.putShort(0x236, (short) 0);
        assertRefused(narrow.bytes(),
                "it is a 32-bit kernel (XLF_KERNEL_64 is clear in xloadflags); an x86-64 one is needed");
    }

    @Test
    void an_ELF_file_for_something_else_is_refused() {
        var narrow = new ElfFile().load(0x100_0000, new byte[4], 4);
        narrow.fileClass = 1;
        assertRefused(narrow.bytes(),
                "it is an ELF file of class 1, data encoding 1; a 64-bit little-endian one (2, 1) is needed");
        var arm = new ElfFile().load(0x100_0000, new byte[4], 4);
        arm.machine = 183;
        assertRefused(arm.bytes(), "it is an ELF file for machine 183; one for x86-64 (62) is needed");
        var object = new ElfFile().load(0x100_0000, new byte[4], 4);
        object.type = 1;
        assertRefused(object.bytes(), "it is an ELF file of type 1; an executable (2 or 3) is needed");
        assertRefused(new ElfFile().pvh(0).bytes(),
                "the ELF file has nothing to load (no PT_LOAD program header with a size)");
    }

    @Test
    void a_truncated_ELF_file_is_refused() {
        byte[] whole = new ElfFile().load(0x100_0000, new byte[100], 100).bytes();
        assertRefused(Arrays.copyOf(whole, 40), "the ELF file is truncated; it ends after 40 bytes, inside its header");
        assertRefused(Arrays.copyOf(whole, 80),
                "the ELF file is truncated; its program headers at 0x40 do not lie inside its 80 bytes");
        assertRefused(Arrays.copyOf(whole, 150),
                "the ELF file is truncated; ELF program header 0 takes 0x64 bytes at 0x78 of a file of 0x96");
    }

    @Test
    void hostile_program_headers_are_refused() {
        assertRefused(new ElfFile().raw(1, Long.MAX_VALUE, 0x100_0000, 16, 16).bytes(),
                "the ELF file is truncated; ELF program header 0 takes 0x10 bytes at 0x7fffffffffffffff of a file of 0x78");
        assertRefused(new ElfFile().raw(1, 0, 0x100_0000, -1, -1).bytes(),
                "the ELF file is truncated; ELF program header 0 takes 0xffffffffffffffff bytes at 0x0 of a file of 0x78");
        assertRefused(new ElfFile().raw(1, 0, 0x7FFF_FFFF_FFFF_F000L, 16, 0x2000).bytes(),
                "ELF program header 0 runs past the end of the address space: p_paddr 0x7ffffffffffff000, p_memsz 0x2000");
        assertRefused(new ElfFile().raw(1, 0, 0x100_0000, 16, 8).bytes(),
                "ELF program header 0 has p_memsz 0x8, less than its p_filesz 0x10");
        assertRefused(new ElfFile().load(0x100_0000, new byte[4], 0x2000).load(0x100_1000, new byte[4], 4).bytes(),
                "its ELF segments overlap at 0x1001000");
        assertRefused(new ElfFile().raw(4, 0x1000, 0, 16, 16).bytes(),
                "the ELF file is truncated; the notes of program header 0 lie outside it");
        var sizes = new ElfFile().load(0x100_0000, new byte[4], 4);
        sizes.programHeaderSize = 1;
        assertRefused(sizes.bytes(),
                "its ELF header announces 1 program headers of 1 bytes; expected 1 to 256 of 56");
    }

    @Property(tries = 3_000)
    void a_damaged_bzImage_is_parsed_or_refused_and_nothing_else(@ForAll @IntRange(max = 0x2FF) int at,
            @ForAll int value,
            @ForAll @IntRange(max = 5120) int length) {
        var file = new BzImageFile();
        file.header.putInt(Math.min(at, 0x3FC), value);
        parsedOrRefused(Arrays.copyOf(file.bytes(), Math.max(length, 600)));
        parsedOrRefused(file.bytes());
    }

    @Property(tries = 3_000)
    void a_damaged_ELF_kernel_is_parsed_or_refused_and_nothing_else(@ForAll @IntRange(max = 180) int at,
            @ForAll long value, @ForAll @IntRange(max = 400) int length) {
        byte[] bytes = new ElfFile().load(0x100_0000, new byte[60], 100).pvh(0x100_0000).bytes();
        for (int i = 0; i < 8 && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >>> 8 * i);
        }
        parsedOrRefused(bytes);
        parsedOrRefused(Arrays.copyOf(bytes, Math.min(length, bytes.length)));
    }

    @Property(tries = 2_000)
    void any_bytes_are_parsed_or_refused_and_nothing_else(@ForAll byte[] bytes, @ForAll @IntRange(max = 2) int kind) {
        byte[] padded = Arrays.copyOf(bytes, bytes.length + 0x300);
        if (kind == 1) {
            System.arraycopy(new byte[] {0x7F, 'E', 'L', 'F', 2, 1}, 0, padded, 0, 6);
        } else if (kind == 2) {
            System.arraycopy(new byte[] {'H', 'd', 'r', 'S'}, 0, padded, 0x202, 4);
        }
        parsedOrRefused(padded);
    }

    private static void parsedOrRefused(byte[] bytes) {
        try {
            KernelImage image = KernelImage.parse("k", bytes);
            if (image instanceof BzImage bz) {
                bz.kernelVersion();
                bz.setupHeader();
                bz.payload();
            }
        } catch (VzException refused) {
            assertThat(refused).isInstanceOf(FormatException.class);
            assertThat(refused.getMessage()).startsWith("Cannot ");
        }
    }
}
