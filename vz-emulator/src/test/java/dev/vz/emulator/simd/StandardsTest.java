package dev.vz.emulator.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.testing.Allocations;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Instructions against the standards they implement, on any host. */
class StandardsTest {

    private final FpuState s = new FpuState();

    private long[] halves(String bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(HexFormat.of().parseHex(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        return new long[] {buffer.getLong(), buffer.getLong()};
    }

    private String register(int i) {
        return HexFormat.of().formatHex(ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(s.xmm[2 * i]).putLong(s.xmm[2 * i + 1]).array());
    }

    /** Expands a 128-bit key as programs do with AESKEYGENASSIST. */
    private long[][] expand(String key) {
        long[][] keys = new long[11][];
        keys[0] = halves(key);
        int constant = 1;
        for (int round = 1; round <= 10; round++) {
            long[] previous = keys[round - 1];
            Aes.aeskeygenassist(s, 1, previous[0], previous[1], constant);
            int word = (int) (s.xmm[3] >>> 32);
            long[] next = new long[2];
            for (int i = 0; i < 4; i++) {
                word ^= (int) (previous[i >> 1] >>> 32 * (i & 1));
                next[i >> 1] |= (word & 0xFFFF_FFFFL) << 32 * (i & 1);
            }
            keys[round] = next;
            constant = constant == 0x80 ? 0x1B : constant << 1;
        }
        return keys;
    }

    /** FIPS 197, appendix C.1. */
    @Test
    void theCipherGivesTheStandardsExample() {
        long[][] keys = expand("000102030405060708090a0b0c0d0e0f");
        long[] plain = halves("00112233445566778899aabbccddeeff");
        s.xmm[0] = plain[0] ^ keys[0][0];
        s.xmm[1] = plain[1] ^ keys[0][1];
        for (int round = 1; round < 10; round++) {
            Aes.aesenc(s, 0, keys[round][0], keys[round][1]);
        }
        Aes.aesenclast(s, 0, keys[10][0], keys[10][1]);
        assertThat(register(0)).isEqualTo("69c4e0d86a7b0430d8cdb78070b4c55a");

        s.xmm[0] ^= keys[10][0];
        s.xmm[1] ^= keys[10][1];
        for (int round = 9; round > 0; round--) {
            Aes.aesimc(s, 2, keys[round][0], keys[round][1]);
            Aes.aesdec(s, 0, s.xmm[4], s.xmm[5]);
        }
        Aes.aesdeclast(s, 0, keys[0][0], keys[0][1]);
        assertThat(register(0)).isEqualTo("00112233445566778899aabbccddeeff");
    }

    @Property
    void checksumsAreCrc32c(@ForAll byte[] bytes) {
        var reference = new CRC32C();
        reference.update(bytes);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int crc = -1;
        while (buffer.remaining() >= 8) {
            crc = Polynomial.crc32q(crc, buffer.getLong());
        }
        if (buffer.remaining() >= 4) {
            crc = Polynomial.crc32l(crc, buffer.getInt());
        }
        if (buffer.remaining() >= 2) {
            crc = Polynomial.crc32w(crc, buffer.getShort());
        }
        if (buffer.hasRemaining()) {
            crc = Polynomial.crc32b(crc, buffer.get());
        }
        assertThat(~crc & 0xFFFF_FFFFL).isEqualTo(reference.getValue());
    }

    @Property
    void theCarryLessProductIsASumOfShiftsWithoutCarries(@ForAll long a, @ForAll long b) {
        BigInteger expected = BigInteger.ZERO;
        BigInteger shifted = new BigInteger(Long.toUnsignedString(a));
        for (int i = 0; i < 64; i++) {
            if ((b >>> i & 1) != 0) {
                expected = expected.xor(shifted.shiftLeft(i));
            }
        }
        s.xmm[1] = a;
        Polynomial.pclmulqdq(s, 0, 0, b, 0x11);
        assertThat(s.xmm[0]).isEqualTo(expected.longValue());
        assertThat(s.xmm[1]).isEqualTo(expected.shiftRight(64).longValue());
    }

    @Property
    void anUnmaskedExceptionLeavesTheDestinationAlone(@ForAll long a, @ForAll long b, @ForAll long lo,
            @ForAll long hi) {
        s.mxcsr = FpuState.INITIAL_MXCSR & ~(0x3F << 7);
        s.xmm[0] = a;
        s.xmm[1] = b;
        boolean thrown = false;
        try {
            PackedDouble.divpd(s, 0, lo, hi);
        } catch (RuntimeException exception) {
            assertThat(exception).isSameAs(s.simdException);
            thrown = true;
        }
        assertThat((s.mxcsr & 0x3F) != 0).isEqualTo(thrown);
        if (thrown) {
            assertThat(s.xmm).startsWith(a, b);
        }
    }

    @Test
    @Tag("allocation")
    void floatingPointAllocatesNothing() {
        long[] operands = {0x3FF0_0000_0000_0000L, 0x4008_0000_0000_0001L, 1L, 0x7FF0_0000_0000_0000L, 0,
            0x7FEF_FFFF_FFFF_FFFFL};
        double bytes = Allocations.perCall(10_000, () -> {
            s.mxcsr = s.mxcsr + 0x2000 & 0x7FFF & ~0x3F;
            for (long a : operands) {
                for (long b : operands) {
                    s.xmm[0] = ScalarDouble.addsd(s, a, b);
                    s.xmm[1] = ScalarDouble.divsd(s, a, b);
                    PackedSingle.mulps(s, 0, a, b);
                    s.xmm[2] = ScalarConversion.cvtsd2si64(s, a) + ScalarConversion.cvtsd2ss(s, b);
                }
            }
        });
        assertThat(bytes).isZero();
    }
}
