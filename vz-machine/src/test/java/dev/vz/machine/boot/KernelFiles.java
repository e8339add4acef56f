package dev.vz.machine.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes kernels for tests: as small as the formats allow, and wrong wherever a test wants it. */
final class KernelFiles {

    private KernelFiles() {}

    /** A bzImage of protocol 2.15 whose protected-mode part is {@code code}, preferring 16 MiB. */
    static final class BzImageFile {
        final ByteBuffer header = ByteBuffer.allocate(2 * 512).order(ByteOrder.LITTLE_ENDIAN);
        byte[] code = new byte[4096];

        BzImageFile() {
            header.put(0x1F1, (byte) 1); // setup_sects
            header.putShort(0x1FE, (short) 0xAA55);
            header.put(0x200, (byte) 0xEB).put(0x201, (byte) 0x6A); // jump over the header, to 0x26c
            header.putInt(0x202, 0x53726448);
            header.putShort(0x206, (short) 0x20F);
            header.putShort(0x20E, (short) 0x100); // kernel_version at 0x300
            header.put(0x300, "6.1.0-test".getBytes(StandardCharsets.US_ASCII));
            header.put(0x211, (byte) 1);
            header.putInt(0x22C, 0x7FFF_FFFF); // initrd_addr_max
            header.putInt(0x230, 0x20_0000); // kernel_alignment
            header.put(0x234, (byte) 1); // relocatable_kernel
            header.putShort(0x236, (short) 1); // XLF_KERNEL_64
            header.putInt(0x238, 2047); // cmdline_size
            header.putLong(0x258, 0x100_0000); // pref_address
            header.putInt(0x260, 0x10_0000); // init_size
            code(code);
        }

        BzImageFile code(byte[] code) {
            this.code = code;
            header.putInt(0x1F4, (code.length + 15) / 16);
            return this;
        }

        /** {@code payload} as the compressed kernel, 512 bytes into the protected-mode part. */
        BzImageFile payload(byte[] payload) {
            var all = new byte[512 + payload.length + 15 & ~15];
            System.arraycopy(payload, 0, all, 512, payload.length);
            header.putInt(0x248, 512);
            header.putInt(0x24C, payload.length);
            return code(all);
        }

        byte[] bytes() {
            var all = new byte[header.capacity() + code.length];
            header.get(0, all, 0, header.capacity());
            System.arraycopy(code, 0, all, header.capacity(), code.length);
            return all;
        }

        KernelImage parse() {
            return KernelImage.parse("bzImage", bytes());
        }
    }

    /** An ELF-64 executable for x86-64. */
    static final class ElfFile {
        private final List<long[]> headers = new ArrayList<>();
        private final List<byte[]> contents = new ArrayList<>();
        long entry = 0x100_0000;
        int fileClass = 2;
        int machine = 62;
        int type = 2;
        int programHeaderSize = 56;

        /** A PT_LOAD with {@code content} at physical {@code address}, {@code memorySize} bytes in memory. */
        ElfFile load(long address, byte[] content, long memorySize) {
            return header(1, address, content, content.length, memorySize);
        }

        /** A PT_NOTE with Xen's PHYS32_ENTRY. */
        ElfFile pvh(long entry) {
            ByteBuffer note = ByteBuffer.allocate(12 + 4 + 8).order(ByteOrder.LITTLE_ENDIAN);
            note.putInt(4).putInt(8).putInt(18).put("Xen\0".getBytes(StandardCharsets.US_ASCII)).putLong(entry);
            return header(4, 0, note.array(), note.capacity(), note.capacity());
        }

        ElfFile header(int type, long address, byte[] content, long fileSize, long memorySize) {
            headers.add(new long[] {type, address, fileSize, memorySize, -1});
            contents.add(content);
            return this;
        }

        /** A program header that says of itself what it likes. */
        ElfFile raw(int type, long offset, long address, long fileSize, long memorySize) {
            headers.add(new long[] {type, address, fileSize, memorySize, offset});
            contents.add(new byte[0]);
            return this;
        }

        byte[] bytes() {
            int size = 64 + 56 * headers.size() + contents.stream().mapToInt(c -> c.length).sum();
            ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
            b.put(0, new byte[] {0x7F, 'E', 'L', 'F', (byte) fileClass, 1, 1});
            b.putShort(16, (short) type).putShort(18, (short) machine).putInt(20, 1);
            b.putLong(24, entry).putLong(32, 64);
            b.putShort(52, (short) 64).putShort(54, (short) programHeaderSize).putShort(56, (short) headers.size());
            int at = 64 + 56 * headers.size();
            for (int i = 0; i < headers.size(); i++) {
                long[] h = headers.get(i);
                int p = 64 + 56 * i;
                b.putInt(p, (int) h[0]).putLong(p + 8, h[4] >= 0 ? h[4] : at).putLong(p + 24, h[1]);
                b.putLong(p + 32, h[2]).putLong(p + 40, h[3]);
                b.put(at, contents.get(i));
                at += contents.get(i).length;
            }
            return b.array();
        }

        KernelImage parse() {
            return KernelImage.parse("vmlinux", bytes());
        }
    }
}
