package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.MMIO;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.DX;
import static dev.vz.conformance.Register.SI;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExit.MmioRead;
import dev.vz.cpu.VcpuExit.MmioWrite;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Accesses where there is no memory leave the guest, whatever their size and alignment. */
interface MmioChapter extends Chapter {

    /** Byte {@code n} of the device reads as {@code n * 37 + 11}. */
    private static long content(long address, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= ((address + i) * 37 + 11 & 0xFF) << 8 * i;
        }
        return value;
    }

    /** The bytes that MMIO writes left, by address. A back end may split an access; the bytes are the same. */
    private static Map<Long, Integer> written(Guest guest) {
        var bytes = new TreeMap<Long, Integer>();
        for (VcpuExit exit : guest.exits()) {
            if (exit instanceof MmioWrite(long gpa, int size, long value)) {
                assertThat(size).isBetween(1, 8);
                assertThat(size == 8 ? 0 : value >>> 8 * size).as("zero-extended").isZero();
                for (int i = 0; i < size; i++) {
                    bytes.put(gpa + i, (int) (value >>> 8 * i) & 0xFF);
                }
            }
        }
        return bytes;
    }

    private static Map<Long, Integer> bytes(long gpa, long value, int size) {
        var bytes = new TreeMap<Long, Integer>();
        for (int i = 0; i < size; i++) {
            bytes.put(gpa + i, (int) (value >>> 8 * i) & 0xFF);
        }
        return bytes;
    }

    @ParameterizedTest
    @CsvSource({"REAL,1", "REAL,2", "REAL,4", "FLAT32,1", "FLAT32,2", "FLAT32,4", "LONG64,1", "LONG64,2", "LONG64,4",
        "LONG64,8", "USER64,1", "USER64,2", "USER64,4", "USER64,8"})
    default void readsAndWritesEverySize(GuestMode mode, int size) {
        long value = 0x8070_6050_4030_2010L;
        try (Guest guest = guest(mode).code(a -> {
            if (mode == GuestMode.REAL) {
                a.mov(2, AX, mode.mmio() >> 4).mov(SegmentRegister.DS, AX).mov(2, BX, 0);
            } else {
                a.mov(4, BX, mode.mmio());
            }
            a.mov(size, AX, value).store(size, at(BX, 0x10), AX).mov(Math.max(size, 4), AX, 0)
                    .load(size, AX, at(BX, 0x20)).end();
        }).build()) {
            guest.recorder().respond(MmioChapter::content);
            guest.runToEnd();
            long mask = -1L >>> 64 - 8 * size;
            assertThat(guest.exits()).containsExactly(new MmioWrite(mode.mmio() + 0x10, size, value & mask),
                    new MmioRead(mode.mmio() + 0x20, size));
            assertThat(guest.vcpu().registers().rax()).isEqualTo(content(mode.mmio() + 0x20, size) & mask);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7})
    default void readsAndWritesUnaligned(int offset) {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> {
            a.mov(4, BX, MMIO + offset).mov(8, AX, 0x1122_3344_5566_7788L);
            int at = 0;
            for (int size : new int[] {2, 4, 8}) {
                a.store(size, at(BX, at), AX);
                at += 16;
            }
            a.load(8, CX, at(BX)).load(4, DX, at(BX, 16)).loadZeroExtended(2, SI, at(BX, 32)).end();
        }).build()) {
            guest.recorder().respond(MmioChapter::content);
            guest.runToEnd();
            var expected = new TreeMap<Long, Integer>();
            expected.putAll(bytes(MMIO + offset, 0x7788, 2));
            expected.putAll(bytes(MMIO + offset + 16, 0x5566_7788, 4));
            expected.putAll(bytes(MMIO + offset + 32, 0x1122_3344_5566_7788L, 8));
            assertThat(written(guest)).isEqualTo(expected);
            assertThat(guest.vcpu().registers().rcx()).isEqualTo(content(MMIO + offset, 8));
            assertThat(guest.vcpu().registers().rdx()).isEqualTo(content(MMIO + offset + 16, 4));
            assertThat(guest.vcpu().registers().rsi()).isEqualTo(content(MMIO + offset + 32, 2));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 7})
    default void crossesAPage(int before) {
        long gpa = MMIO + 0x1000 - before;
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, gpa).mov(8, AX, 0x0807_0605_0403_0201L)
                .store(8, at(BX), AX).load(8, CX, at(BX)).end()).build()) {
            guest.recorder().respond(MmioChapter::content);
            guest.runToEnd();
            assertThat(written(guest)).isEqualTo(bytes(gpa, 0x0807_0605_0403_0201L, 8));
            assertThat(guest.vcpu().registers().rcx()).isEqualTo(content(gpa, 8));
        }
    }

    @Test
    default void straddlesTheEndOfMemory() {
        // Two bytes are memory, two are not.
        long gpa = GuestBuilder.LOW_SIZE - 2;
        try (Guest guest = guest(GuestMode.LONG64)
                .code(a -> a.mov(4, BX, gpa).load(4, AX, at(BX)).mov(4, CX, 0x4433_2211)
                        .store(4, at(BX), CX).end())
                .build()) {
            guest.memory().writeShort(gpa, (short) 0xBBAA);
            guest.recorder().respond(MmioChapter::content);
            guest.runToEnd();
            long high = content(gpa + 2, 2);
            assertThat(guest.vcpu().registers().rax()).isEqualTo(0xBBAA | high << 16);
            assertThat(guest.memory().readShort(gpa)).isEqualTo((short) 0x2211);
            assertThat(written(guest)).isEqualTo(bytes(gpa + 2, 0x4433, 2));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64", "USER64"})
    default void readsThenWritesWhereAnInstructionDoesBoth(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.mov(4, BX, MMIO).inc(4, at(BX, 8)).alu(Alu.OR, 2, at(BX, 12), 0x0F00)
                .end()).build().answering(0xFFFF_FFFFL, 0x8001)) {
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new MmioRead(MMIO + 8, 4), new MmioWrite(MMIO + 8, 4, 0),
                    new MmioRead(MMIO + 12, 2), new MmioWrite(MMIO + 12, 2, 0x8F01));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64"})
    default void copiesBetweenMemoryAndDevice(GuestMode mode) {
        int word = mode.wordSize();
        try (Guest guest = guest(mode).code(a -> a.cld().mov(word, SI, MMIO).mov(word, DI, DATA).mov(word, CX, 6)
                .repMovs(4).mov(word, SI, DATA).mov(word, DI, MMIO + 0x800).mov(word, CX, 12).repMovs(2).end())
                .build()) {
            guest.recorder().respond(MmioChapter::content);
            guest.runToEnd();
            var expected = new TreeMap<Long, Integer>();
            for (int i = 0; i < 24; i++) {
                int value = (int) content(MMIO + i, 1);
                assertThat(guest.memory().readByte(DATA + i)).isEqualTo((byte) value);
                expected.put(MMIO + 0x800 + i, value);
            }
            assertThat(written(guest)).isEqualTo(expected);
        }
    }

    @Test
    default void pushesAndPopsWhereTheStackIsADevice() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(8, Register.SP, MMIO + 0x100).push(0x1234).pop(BX)
                .mov(8, Register.SP, GuestLayout.STACK).end()).build().answering(0x9988)) {
            guest.runToEnd();
            assertThat(guest.exits()).containsExactly(new MmioWrite(MMIO + 0xF8, 8, 0x1234),
                    new MmioRead(MMIO + 0xF8, 8));
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(0x9988);
        }
    }

    @Test
    default void readsZerosWhereNobodyAnswersAnMmioRead() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).load(8, AX, at(BX)).end()).build()) {
            assertThat(guest.vcpu().run()).isEqualTo(new MmioRead(MMIO, 8));
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isZero();
        }
    }
}
