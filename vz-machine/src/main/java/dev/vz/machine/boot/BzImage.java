package dev.vz.machine.boot;

import dev.vz.error.FormatException;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * A Linux bzImage for 64-bit x86: setup header, real-mode code that is not used here, and the protected-mode kernel that
 * unpacks itself. Field names are those of Linux's {@code Documentation/arch/x86/boot.rst}. Immutable.
 */
public final class BzImage implements KernelImage {

    /** Where the setup header begins, in the file and in the zero page. */
    static final int SETUP_HEADER = 0x1F1;
    /** Where the zero page stops having room for it: the EDD buffer follows. */
    static final int SETUP_HEADER_LIMIT = 0x290;
    private static final int BOOT_FLAG = 0x1FE;
    private static final int JUMP = 0x200;
    private static final int HEADER_MAGIC = 0x202;
    private static final int HDRS = 0x53726448;
    private static final int SECTOR = 512;
    /** The first protocol with {@code xloadflags}, which tell of a 64-bit entry. */
    private static final int VERSION_2_12 = 0x20C;
    private static final int XLF_KERNEL_64 = 1;
    private static final int ENTRY_64 = 0x200;
    private static final int PAYLOAD_OFFSET = 0x248;

    private final String name;
    private final byte[] bytes;
    private final MemorySegment file;
    private final int setupBytes;

    private BzImage(String name, byte[] bytes, int setupBytes) {
        this.name = name;
        this.bytes = bytes;
        this.file = KernelImage.view(bytes);
        this.setupBytes = setupBytes;
    }

    static boolean looksLike(byte[] bytes) {
        return bytes.length >= HEADER_MAGIC + 4 && KernelImage.view(bytes).get(INT, HEADER_MAGIC) == HDRS;
    }

    static BzImage parse(String name, byte[] bytes) {
        MemorySegment file = KernelImage.view(bytes);
        String cannot = "Cannot boot " + name + ": ";
        if (bytes.length < SETUP_HEADER_LIMIT) {
            throw new FormatException(cannot + "the bzImage is truncated; it ends after " + bytes.length
                    + " bytes, inside its setup header");
        }
        int flag = Short.toUnsignedInt(file.get(SHORT, BOOT_FLAG));
        if (flag != 0xAA55) {
            throw new FormatException(cannot + "boot_flag at 0x1fe is 0x" + Integer.toHexString(flag)
                    + ", expected 0xaa55; the file is damaged");
        }
        int version = Short.toUnsignedInt(file.get(SHORT, 0x206));
        if (version < VERSION_2_12) {
            throw new FormatException(cannot + "its boot protocol is " + (version >>> 8) + "." + (version & 0xFF)
                    + ", older than the 2.12 (Linux 3.8) that has a 64-bit entry");
        }
        if ((file.get(SHORT, 0x236) & XLF_KERNEL_64) == 0) {
            throw new FormatException(
                    cannot + "it is a 32-bit kernel (XLF_KERNEL_64 is clear in xloadflags); an x86-64 "
                            + "one is needed");
        }
        int sectors = Byte.toUnsignedInt(file.get(ValueLayout.JAVA_BYTE, SETUP_HEADER));
        int setupBytes = ((sectors == 0 ? 4 : sectors) + 1) * SECTOR;
        long kernelBytes = Integer.toUnsignedLong(file.get(INT, 0x1F4)) * 16;
        // syssize rounds up to 16 bytes, with a checksum that some linkers leave out; more must not be missing.
        if (bytes.length <= setupBytes || bytes.length < setupBytes + kernelBytes - 32) {
            throw new FormatException(cannot + "the bzImage is truncated; its header announces "
                    + (setupBytes + kernelBytes) + " bytes, the file has " + bytes.length);
        }
        var image = new BzImage(name, bytes, setupBytes);
        long alignment = image.kernelAlignment();
        if (Long.bitCount(alignment) != 1 || alignment < 0x1000) {
            throw new FormatException(cannot + "kernel_alignment is 0x" + Long.toHexString(alignment)
                    + ", expected a power of two of 4096 or more");
        }
        int headerEnd = HEADER_MAGIC + Byte.toUnsignedInt(file.get(ValueLayout.JAVA_BYTE, JUMP + 1));
        if (headerEnd < 0x268 || headerEnd > SETUP_HEADER_LIMIT) {
            throw new FormatException(cannot + "the setup header ends at 0x" + Integer.toHexString(headerEnd)
                    + ", expected 0x268 to 0x290");
        }
        return image;
    }

    @Override
    public String name() {
        return name;
    }

    /** Boot protocol version: major in bits 15..8, minor in bits 7..0. */
    public int version() {
        return Short.toUnsignedInt(file.get(SHORT, 0x206));
    }

    /** The kernel's own version text, if the header points to one. */
    public Optional<String> kernelVersion() {
        int offset = Short.toUnsignedInt(file.get(SHORT, 0x20E)) + 0x200;
        if (offset == 0x200 || offset >= setupBytes) {
            return Optional.empty();
        }
        var text = new StringBuilder();
        for (int i = offset; i < setupBytes && bytes[i] != 0 && text.length() < 256; i++) {
            text.append(bytes[i] >= 0x20 && bytes[i] < 0x7F ? (char) bytes[i] : '?');
        }
        return Optional.of(text.toString());
    }

    /** Whether it runs at any address that is a multiple of {@link #kernelAlignment()}. */
    public boolean relocatable() {
        return file.get(ValueLayout.JAVA_BYTE, 0x234) != 0;
    }

    /** Alignment of a relocated kernel, in bytes. */
    public long kernelAlignment() {
        return Integer.toUnsignedLong(file.get(INT, 0x230));
    }

    /** Where it wants to be loaded, guest-physical. */
    public long prefAddress() {
        return file.get(LONG, 0x258);
    }

    /** Bytes of memory from its load address that it needs before it can look at the memory map. */
    public long initSize() {
        return Integer.toUnsignedLong(file.get(INT, 0x260));
    }

    /** The highest address that the initial RAM disk may occupy. */
    public long initrdAddressMax() {
        return Integer.toUnsignedLong(file.get(INT, 0x22C));
    }

    /** The longest command line in bytes, without the terminating zero. */
    public long commandLineSize() {
        return Integer.toUnsignedLong(file.get(INT, 0x238));
    }

    /** What goes to the load address. */
    public MemorySegment protectedModeKernel() {
        return file.asSlice(setupBytes);
    }

    /** The setup header from {@code setup_sects} on, as long as this protocol version has it. */
    MemorySegment setupHeader() {
        int end = HEADER_MAGIC + Byte.toUnsignedInt(file.get(ValueLayout.JAVA_BYTE, JUMP + 1));
        return file.asSlice(SETUP_HEADER, end - SETUP_HEADER);
    }

    /** Offset of the 64-bit entry from the load address. */
    static long entryOffset() {
        return ENTRY_64;
    }

    /**
     * The compressed kernel inside.
     *
     * @throws FormatException if the header says that it lies outside the file
     */
    MemorySegment payload() {
        long offset = Integer.toUnsignedLong(file.get(INT, PAYLOAD_OFFSET));
        long length = Integer.toUnsignedLong(file.get(INT, 0x24C));
        long kernelBytes = file.byteSize() - setupBytes;
        if (length == 0 || offset > kernelBytes || length > kernelBytes - offset) {
            throw new FormatException(
                    "Cannot unpack " + name + ": its payload of " + length + " bytes at offset " + offset
                            + " does not lie inside the " + kernelBytes + " bytes of the kernel");
        }
        return file.asSlice(setupBytes + offset, length);
    }

    /** The bytes of the {@link #payload()} from {@code from} to before {@code to}, which lie inside it. */
    InputStream payloadStream(long from, long to) {
        long offset = setupBytes + Integer.toUnsignedLong(file.get(INT, PAYLOAD_OFFSET));
        return new ByteArrayInputStream(bytes, Math.toIntExact(offset + from), Math.toIntExact(to - from));
    }

    @Override
    public String toString() {
        return "bzImage " + name + kernelVersion().map(v -> " (" + v + ")").orElse("");
    }
}
