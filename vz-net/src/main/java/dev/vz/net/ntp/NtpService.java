package dev.vz.net.ntp;

import dev.vz.net.gateway.DatagramService;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.LocalDatagram;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.time.InstantSource;

/**
 * Answers clients of NTP versions 1 to 4 (RFC 5905; SNTP's are the same) at port 123 of a gateway. An answer is never longer
 * than its question; keys, extensions and every mode but a client's are not served. Runs on the gateway's thread.
 */
public final class NtpService implements DatagramService {

    /** Bytes of a packet without extensions. */
    static final int SIZE = 48;

    private static final int PORT = 123;
    private static final int CLIENT = 3;
    private static final int SERVER = 4;
    /** How far the host is from a reference clock is not known: behind all servers that know it. */
    private static final int STRATUM = 10;
    /** 2^-20 s, a microsecond. */
    private static final int PRECISION = -20;
    /** 1/16 s in the short format, seconds and their 65536th parts. */
    private static final int ROOT_DISPERSION = 0x1000;
    /** 127.127.1.0, by which an undisciplined local clock is known. */
    private static final int REFERENCE = 0x7F7F_0100;
    /** Seconds from 1900 to 1970. */
    private static final long ERA = 2_208_988_800L;

    private final InstantSource clock;
    private final MemorySegment answer = Arena.ofAuto().allocate(SIZE, 8);

    /** Serves {@code gateway}'s guests from now on. */
    public NtpService(Gateway gateway, InstantSource clock) {
        this(clock);
        gateway.bindDatagrams(PORT, this);
    }

    NtpService(InstantSource clock) {
        this.clock = clock;
    }

    @Override
    public void receive(LocalDatagram datagram) {
        if (answer(datagram.segment(), datagram.offset(), datagram.length(), answer)) {
            datagram.reply(answer, 0, SIZE);
        }
    }

    /** Writes the answer to a packet; whether there is one. */
    boolean answer(MemorySegment packet, long at, int length, MemorySegment into) {
        if (length < SIZE) {
            return false;
        }
        int version = Wire.u8(packet, at) >>> 3 & 7;
        if ((Wire.u8(packet, at) & 7) != CLIENT || version < 1 || version > 4) {
            return false;
        }
        long now = timestamp(clock.instant());
        Wire.put32(into, 0, (version << 3 | SERVER) << 24 | STRATUM << 16 | Wire.u8(packet, at + 2) << 8
                | PRECISION & 0xFF);
        Wire.put32(into, 4, 0);
        Wire.put32(into, 8, ROOT_DISPERSION);
        Wire.put32(into, 12, REFERENCE);
        put64(into, 16, now);
        put64(into, 24, Wire.i64(packet, at + 40));
        put64(into, 32, now);
        put64(into, 40, now);
        return true;
    }

    private static void put64(MemorySegment into, long at, long value) {
        Wire.put32(into, at, (int) (value >>> 32));
        Wire.put32(into, at + 4, (int) value);
    }

    /** Seconds since 1900 in 32 bits, which begin again in 2036, and their parts of 2^-32 (RFC 5905, 6). */
    static long timestamp(Instant instant) {
        return instant.getEpochSecond() + ERA << 32 | ((long) instant.getNano() << 32) / 1_000_000_000L;
    }
}
