package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.DX;
import static dev.vz.conformance.Register.SI;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExit.PortRead;
import dev.vz.cpu.VcpuExit.PortWrite;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code REP INS} and {@code REP OUTS}: every element once, in order, in both directions. */
interface StringIoChapter extends Chapter {

    private static long offset(GuestMode mode) {
        return mode == GuestMode.REAL ? 0 : DATA; // real mode reaches it through its segment
    }

    private static void start(Assembler a, GuestMode mode) {
        if (mode == GuestMode.REAL) {
            a.mov(2, AX, DATA >> 4).mov(SegmentRegister.DS, AX).mov(SegmentRegister.ES, AX);
        }
        a.mov(2, DX, 0x1F0);
    }

    private static long element(int index, int size) {
        return 0x9C85_7261_5A4B_3C2DL * (index + 1) & -1L >>> 64 - 8 * size;
    }

    @ParameterizedTest
    @CsvSource({"REAL,1,false", "REAL,2,true", "REAL,4,false", "FLAT32,1,true", "FLAT32,2,false", "FLAT32,4,true",
        "LONG64,1,false", "LONG64,2,false", "LONG64,4,false", "LONG64,1,true", "LONG64,2,true", "LONG64,4,true",
        "USER64,1,false", "USER64,4,true"})
    default void readsStrings(GuestMode mode, int size, boolean down) {
        int count = 100;
        int word = mode.wordSize();
        long first = 0x400;
        try (Guest guest = guest(mode).code(a -> {
            start(a, mode);
            (down ? a.std() : a.cld()).mov(word, DI, offset(mode) + first).mov(word, CX, count).repIns(size).end();
        }).build()) {
            for (int i = 0; i < count; i++) {
                guest.recorder().answer(element(i, size));
            }
            guest.runToEnd();
            assertThat(guest.exits()).hasSize(count).containsOnly(new PortRead(0x1F0, size, 1));
            for (int i = 0; i < count; i++) {
                long at = DATA + first + (long) size * (down ? -i : i);
                for (int b = 0; b < size; b++) {
                    assertThat(guest.memory().readByte(at + b)).as("byte %d of element %d", b, i)
                            .isEqualTo((byte) (element(i, size) >>> 8 * b));
                }
            }
            long end = offset(mode) + first + (long) size * (down ? -count : count);
            assertThat(guest.vcpu().registers().rdi() & 0xFFFF_FFFFL).isEqualTo(end);
            assertThat(guest.vcpu().registers().rcx()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"REAL,1,false", "REAL,2,true", "REAL,4,false", "FLAT32,1,true", "FLAT32,2,false", "FLAT32,4,true",
        "LONG64,1,false", "LONG64,2,false", "LONG64,4,false", "LONG64,1,true", "LONG64,2,true", "LONG64,4,true",
        "USER64,1,false", "USER64,4,true"})
    default void writesStrings(GuestMode mode, int size, boolean down) {
        int count = 70;
        int word = mode.wordSize();
        long first = 0x400;
        try (Guest guest = guest(mode).code(a -> {
            start(a, mode);
            (down ? a.std() : a.cld()).mov(word, SI, offset(mode) + first).mov(word, CX, count).repOuts(size).end();
        }).build()) {
            var expected = new ArrayList<VcpuExit>();
            for (int i = 0; i < count; i++) {
                long at = DATA + first + (long) size * (down ? -i : i);
                for (int b = 0; b < size; b++) {
                    guest.memory().writeByte(at + b, (byte) (element(i, size) >>> 8 * b));
                }
                expected.add(new PortWrite(0x1F0, size, 1, element(i, size)));
            }
            guest.runToEnd();
            assertThat(guest.exits()).isEqualTo(expected);
            long end = offset(mode) + first + (long) size * (down ? -count : count);
            assertThat(guest.vcpu().registers().rsi() & 0xFFFF_FFFFL).isEqualTo(end);
        }
    }

    @Test
    default void doesNothingZeroTimes() {
        try (Guest guest = guest(GuestMode.LONG64)
                .code(a -> a.mov(2, DX, 0x1F0).mov(4, CX, 0).mov(4, DI, DATA).repIns(4)
                        .mov(4, SI, DATA).repOuts(1).end())
                .build()) {
            guest.runToEnd();
            assertThat(guest.exits()).isEmpty();
            assertThat(guest.vcpu().registers().rdi()).isEqualTo(DATA);
        }
    }

    @Test
    default void readsASectorAcrossPages() {
        // What a driver of a disk controller does; 512 bytes that start 6 bytes before a page's end.
        long at = DATA + 0x1000 - 6;
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.cld().mov(2, DX, 0x1F0).mov(4, CX, 256).mov(4, DI, at)
                .repIns(2).end()).build()) {
            for (int i = 0; i < 256; i++) {
                guest.recorder().answer(i * 257L & 0xFFFF);
            }
            guest.runToEnd();
            for (int i = 0; i < 256; i++) {
                assertThat(guest.memory().readShort(at + 2 * i)).isEqualTo((short) (i * 257));
            }
        }
    }

    @Test
    default void givesTheWholeStringInTheDataOfTheExit() {
        int count = 40;
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.cld().mov(2, DX, 0x70).mov(4, CX, count).mov(4, DI, DATA)
                .repIns(4).mov(4, CX, count).mov(4, SI, DATA).repOuts(2).end()).build()) {
            int read = 0;
            int written = 0;
            while (written < count) {
                switch (guest.vcpu().run()) {
                    case PortRead(int port, int size, int n) -> {
                        assertThat(List.of(port, size)).containsExactly(0x70, 4);
                        assertThat(n).isBetween(1, count - read);
                        assertThat(guest.vcpu().exitData().byteSize()).isEqualTo(4L * n);
                        for (int i = 0; i < n; i++) {
                            guest.vcpu().exitData().set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, 0x1_0001 * (read + i));
                        }
                        read += n;
                    }
                    case PortWrite(int port, int size, int n, long value) -> {
                        assertThat(List.of(port, size)).containsExactly(0x70, 2);
                        assertThat(guest.vcpu().exitData().byteSize()).isEqualTo(2L * n);
                        assertThat(value).as("the first access's").isEqualTo(written / 2);
                        for (int i = 0; i < n; i++) {
                            assertThat(guest.vcpu().exitData().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i))
                                    .isEqualTo((short) ((written + i) / 2));
                        }
                        written += n;
                    }
                    case VcpuExit other -> throw new AssertionError("Unexpected " + other);
                }
            }
            assertThat(read).isEqualTo(count);
            guest.runToEnd();
        }
    }
}
