package dev.vz.machine.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.machine.boot.KernelFiles.BzImageFile;
import dev.vz.machine.boot.KernelFiles.ElfFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorOutputStream;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.XZOutputStream;

class KernelUnpackerTest {

    private static final byte[] KERNEL = new ElfFile().load(0x100_0000, content(20_000), 30_000).bytes();

    private static final List<byte[]> PAYLOADS = List.of(compress(KERNEL, GZIPOutputStream::new),
            withSize(lz4Frame(KERNEL), KERNEL.length),
            withSize(compress(KERNEL, KernelUnpackerTest::lzma), KERNEL.length),
            withSize(compress(KERNEL, ZstdOutputStreamNoFinalizer::new), KERNEL.length),
            withSize(compress(KERNEL, KernelUnpackerTest::xz), KERNEL.length));

    private interface Compressor {
        OutputStream open(OutputStream out) throws IOException;
    }

    /** Compressible, but not trivially. */
    private static byte[] content(int size) {
        var random = new Random(42);
        var bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : i >> 5);
        }
        return bytes;
    }

    private static byte[] compress(byte[] bytes, Compressor compressor) {
        var out = new ByteArrayOutputStream();
        try (OutputStream stream = compressor.open(out)) {
            stream.write(bytes);
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
        return out.toByteArray();
    }

    /** As the kernel's build does it: with a filter for x86 branches. */
    private static OutputStream xz(OutputStream out) throws IOException {
        return new XZOutputStream(out, new FilterOptions[] {new X86Options(), new LZMA2Options(0)});
    }

    private static OutputStream lzma(OutputStream out) throws IOException {
        return new LZMAOutputStream(out, new LZMA2Options(0), -1);
    }

    private static byte[] withSize(byte[] payload, int size) {
        return ByteBuffer.allocate(payload.length + 4).order(ByteOrder.LITTLE_ENDIAN).put(payload).putInt(size).array();
    }

    private static byte[] lz4Frame(byte[] kernel) {
        byte[] block = compress(kernel, BlockLZ4CompressorOutputStream::new);
        return ByteBuffer.allocate(8 + block.length).order(ByteOrder.LITTLE_ENDIAN).putInt(0x184C2102)
                .putInt(block.length).put(block).array();
    }

    private static ElfKernel unpack(byte[] payload) {
        return KernelUnpacker.unpack((BzImage) new BzImageFile().payload(payload).parse(), 1 << 30, Arena.ofAuto());
    }

    private static void assertUnpacks(byte[] payload) {
        ElfKernel kernel = unpack(payload);
        assertThat(kernel.segments().getFirst().content().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
                .isEqualTo(content(20_000));
    }

    @Test
    void unpacks_what_gzip_packed() {
        assertUnpacks(compress(KERNEL, GZIPOutputStream::new));
    }

    @Test
    void unpacks_what_LZ4_packed() {
        assertUnpacks(withSize(lz4Frame(KERNEL), KERNEL.length));
    }

    @Test
    void unpacks_what_xz_packed() {
        assertUnpacks(withSize(compress(KERNEL, KernelUnpackerTest::xz), KERNEL.length));
    }

    @Test
    void unpacks_what_lzma_packed() {
        assertUnpacks(
                withSize(compress(KERNEL, KernelUnpackerTest::lzma), KERNEL.length));
    }

    @Test
    void unpacks_what_zstd_packed() {
        assertUnpacks(withSize(compress(KERNEL, ZstdOutputStreamNoFinalizer::new), KERNEL.length));
    }

    @Test
    void a_header_that_asks_for_gigabytes_is_refused() {
        byte[] payload = withSize(compress(KERNEL, KernelUnpackerTest::lzma),
                KERNEL.length);
        payload[4] = 0x7F; // a dictionary of almost 2 GiB
        assertThatThrownBy(() -> unpack(payload)).isInstanceOf(FormatException.class)
                .hasMessageStartingWith("Cannot unpack bzImage: its payload is damaged");
    }

    @Test
    void an_unknown_compression_is_named() {
        assertThatThrownBy(() -> unpack(withSize(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}, 1000)))
                .isInstanceOf(FormatException.class).hasMessage("Cannot unpack bzImage: its payload begins with "
                        + "0x01020304, which is no known compression; let the guest unpack itself");
    }

    @Test
    void a_payload_outside_the_file_is_refused() {
        var file = new BzImageFile();
        file.header.putInt(0x248, 100);
        file.header.putInt(0x24C, -1);
        assertThatThrownBy(() -> KernelUnpacker.unpack((BzImage) file.parse(), 1 << 30, Arena.ofAuto()))
                .isInstanceOf(FormatException.class)
                .hasMessage("Cannot unpack bzImage: its payload of 4294967295 bytes "
                        + "at offset 100 does not lie inside the 4096 bytes of the kernel");
    }

    @Test
    void a_size_that_cannot_be_is_refused_before_memory_is_taken() {
        assertThatThrownBy(() -> unpack(withSize(lz4Frame(KERNEL), -1))).isInstanceOf(FormatException.class)
                .hasMessageContaining("has 4294967295 unpacked, which cannot be");
        assertThatThrownBy(() -> unpack(withSize(lz4Frame(KERNEL), 0))).isInstanceOf(FormatException.class);
    }

    @Test
    void a_kernel_larger_than_the_memory_is_refused_before_memory_is_taken() {
        BzImage image = (BzImage) new BzImageFile().payload(withSize(lz4Frame(KERNEL), KERNEL.length)).parse();
        assertThatThrownBy(() -> KernelUnpacker.unpack(image, 10_000, Arena.ofAuto()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessage(
                        "Cannot unpack bzImage: it has " + KERNEL.length + " bytes unpacked; the guest's memory leaves "
                                + "room for 10000, give it more");
    }

    @Test
    void a_payload_that_is_no_ELF_file_is_refused() {
        byte[] text = "no kernel in here, only words".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> unpack(withSize(lz4Frame(text), text.length))).isInstanceOf(FormatException.class)
                .hasMessage("Cannot unpack bzImage: what is inside is not an ELF file");
    }

    @Property(tries = 3_000)
    void a_damaged_payload_is_unpacked_or_refused_and_nothing_else(@ForAll @IntRange(max = 4) int format,
            @ForAll @IntRange(max = 5_000) int at, @ForAll byte value) {
        byte[] payload = PAYLOADS.get(format).clone();
        payload[at % payload.length] = value;
        try {
            unpack(payload);
        } catch (VzException refused) {
            assertThat(refused.getMessage()).startsWith("Cannot ");
        }
    }
}
