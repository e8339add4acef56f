package dev.vz.net.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** The Internet checksum of RFC 1071 and its incremental update of RFC 1624. */
class ChecksumTest {

    @Test
    void theExampleOfRfc1071Adds() {
        MemorySegment bytes = MemorySegment.ofArray(HexFormat.of().parseHex("0001f203f4f5f6f7"));
        assertThat(Checksum.fold(Checksum.add(0, bytes, 0, 8))).isEqualTo(0xDDF2);
        assertThat(Checksum.finish(Checksum.add(0, bytes, 0, 8))).isEqualTo(0x220D);
    }

    @Property
    void itIsTheSumOfWordsWhateverTheLength(@ForAll @Size(max = 200) byte[] data) {
        long words = 0;
        for (int i = 0; i < data.length; i++) {
            words += (data[i] & 0xFFL) << (i % 2 == 0 ? 8 : 0);
        }
        while (words > 0xFFFF) {
            words = (words >>> 16) + (words & 0xFFFF);
        }
        assertThat(Checksum.fold(Checksum.add(0, MemorySegment.ofArray(data), 0, data.length))).isEqualTo((int) words);
    }

    @Property
    void anUpdateIsWhatSummingAnewGives(@ForAll @Size(value = 40) byte[] data, @ForAll int after) {
        MemorySegment bytes = MemorySegment.ofArray(data);
        int before = Wire.i32(bytes, 12);
        int field = Checksum.finish(Checksum.add(0, bytes, 0, 40));
        Wire.put32(bytes, 12, after);
        int anew = Checksum.finish(Checksum.add(0, bytes, 0, 40));
        // RFC 1624, 3: zero has two forms, 0 and 0xFFFF, which mean the same.
        assertThat(Checksum.update32(field, before, after) % 0xFFFF).isEqualTo(anew % 0xFFFF);
    }
}
