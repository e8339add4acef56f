package dev.vz.machine.boot;

import dev.vz.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Linux's {@code struct boot_params}: what the boot loader hands to a 64-bit kernel ({@code zero-page.rst}). Written once
 * from what is known at that point.
 */
final class ZeroPage {

    private static final int SIZE = 4096;
    private static final int E820_COUNT = 0x1E8;
    private static final int E820_TABLE = 0x2D0;
    private static final int E820_ENTRY = 20;
    private static final int E820_MAX = 128;
    private static final int ACPI_RSDP = 0x70;
    private static final int SETUP_HEADER = BzImage.SETUP_HEADER;
    private static final byte VIDEO_TYPE_EFI = 0x70;

    private final GuestMemory memory;
    private final long at;

    ZeroPage(GuestMemory memory, long at) {
        this.memory = memory;
        this.at = at;
        memory.fill(at, SIZE, (byte) 0);
    }

    /** Takes over the kernel's own setup header, or makes one for a kernel that has none. */
    void setupHeader(Optional<MemorySegment> header) {
        if (header.isPresent()) {
            memory.write(at + SETUP_HEADER, header.get());
        } else {
            memory.writeShort(at + 0x1FE, (short) 0xAA55);
            memory.writeInt(at + 0x202, 0x53726448); // "HdrS"
            memory.writeShort(at + 0x206, (short) 0x20F);
            memory.writeInt(at + 0x230, 0x20_0000); // kernel_alignment
            memory.writeByte(at + 0x211, (byte) 1); // loadflags: LOADED_HIGH
        }
        memory.writeByte(at + 0x210, (byte) 0xFF); // type_of_loader: one without a number of its own
        memory.writeShort(at + 0x1FA, (short) 0xFFFF); // vid_mode: normal
        memory.writeInt(at + 0x214, (int) BootArea.HIGH_MEMORY); // code32_start, not used on the 64-bit way
    }

    void commandLine(long address, int size) {
        memory.writeInt(at + 0x228, (int) address);
        memory.writeInt(at + 0xC8, (int) (address >>> 32));
        memory.writeInt(at + 0x238, size);
    }

    void initrd(long address, long size) {
        memory.writeInt(at + 0x218, (int) address);
        memory.writeInt(at + 0x21C, (int) size);
        memory.writeInt(at + 0xC0, (int) (address >>> 32));
        memory.writeInt(at + 0xC4, (int) (size >>> 32));
    }

    void rsdp(long address) {
        memory.writeLong(at + ACPI_RSDP, address);
    }

    void memoryMap(List<E820> map) {
        int count = Math.min(map.size(), E820_MAX);
        memory.writeByte(at + E820_COUNT, (byte) count);
        for (int i = 0; i < count; i++) {
            long entry = at + E820_TABLE + (long) i * E820_ENTRY;
            memory.writeLong(entry, map.get(i).range().start());
            memory.writeLong(entry + 8, map.get(i).range().length());
            memory.writeInt(entry + 16, map.get(i).type().code());
        }
    }

    /** {@code struct screen_info}: a framebuffer as EFI would have left it, which {@code efifb} binds to. */
    void screen(Framebuffer f) {
        memory.writeByte(at + 0x0F, VIDEO_TYPE_EFI); // orig_video_isVGA
        memory.writeShort(at + 0x12, (short) f.width());
        memory.writeShort(at + 0x14, (short) f.height());
        memory.writeShort(at + 0x16, (short) 32); // lfb_depth
        memory.writeInt(at + 0x18, (int) f.address());
        memory.writeInt(at + 0x1C, (int) f.size());
        memory.writeShort(at + 0x24, (short) f.stride());
        channel(0x26, 16); // red
        channel(0x28, 8); // green
        channel(0x2A, 0); // blue
        channel(0x2C, 24); // reserved
        memory.writeInt(at + 0x36, 2); // capabilities: 64-bit base
        memory.writeInt(at + 0x3A, (int) (f.address() >>> 32));
    }

    private void channel(int offset, int position) {
        memory.writeByte(at + offset, (byte) 8);
        memory.writeByte(at + offset + 1, (byte) position);
    }
}
