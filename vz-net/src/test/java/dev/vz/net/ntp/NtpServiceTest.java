package dev.vz.net.ntp;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.InstantSource;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** RFC 5905, figure 8, field by field. */
class NtpServiceTest {

    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00.5Z");

    private static boolean answer(byte[] packet, ByteBuffer into) {
        MemorySegment answer = Arena.ofAuto().allocate(NtpService.SIZE);
        boolean answered = new NtpService(InstantSource.fixed(NOW)).answer(MemorySegment.ofArray(packet), 0,
                packet.length, answer);
        into.put(0, answer.asByteBuffer(), 0, NtpService.SIZE);
        return answered;
    }

    @Test
    void aClientIsToldTheTimeAndSeesItsOwnAgain() {
        var packet = ByteBuffer.allocate(48).put(0, (byte) 0x23).put(2, (byte) 6).putLong(40, 0x1234_5678_9ABC_DEF0L);
        var answer = ByteBuffer.allocate(48);
        assertThat(answer(packet.array(), answer)).isTrue();
        assertThat(answer.get(0)).as("no leap, version 4, server").isEqualTo((byte) 0x24);
        assertThat(answer.get(1)).as("stratum").isBetween((byte) 1, (byte) 15);
        assertThat(answer.get(2)).as("poll").isEqualTo((byte) 6);
        assertThat(answer.getLong(24)).as("origin").isEqualTo(0x1234_5678_9ABC_DEF0L);
        long expected = NOW.getEpochSecond() + 2_208_988_800L << 32 | 0x8000_0000L;
        assertThat(answer.getLong(32)).as("receive").isEqualTo(expected);
        assertThat(answer.getLong(40)).as("transmit").isEqualTo(expected);
    }

    @Test
    void timeGoesOnInTheNextEra() {
        // 2036-02-07 06:28:16 UTC is the first second of era 1.
        assertThat(NtpService.timestamp(Instant.parse("2036-02-07T06:28:16Z"))).isZero();
        assertThat(NtpService.timestamp(Instant.parse("2036-02-07T06:28:15Z")) >>> 32).isEqualTo(0xFFFF_FFFFL);
    }

    @Property(tries = 1000)
    void nobodyButAClientIsAnswered(@ForAll @Size(max = 60) byte[] packet) {
        boolean client = packet.length >= 48 && (packet[0] & 7) == 3 && (packet[0] >> 3 & 7) >= 1
                && (packet[0] >> 3 & 7) <= 4;
        assertThat(answer(packet, ByteBuffer.allocate(48))).isEqualTo(client);
    }
}
