package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.MMIO;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.DX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.Vcpu.Outcome;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExit.MmioRead;
import dev.vz.cpu.VcpuExit.PortRead;
import dev.vz.cpu.VcpuExit.PortWrite;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.testing.Allocations;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The records of {@code run()} and the calls of {@code run(handler)} tell the same; the calls allocate nothing. */
interface ExitFormChapter extends Chapter {

    private static void everything(Assembler a) {
        a.mov(4, AX, 0x1234_5678).out(1, 0x10).out(2, 0x11).out(4, 0x12).in(1, 0x20).in(2, 0x21).in(4, 0x22)
                .mov(4, BX, MMIO).store(1, at(BX, 1), AX).store(8, at(BX, 8), AX).load(4, CX, at(BX, 16))
                .inc(2, at(BX, 32)).cld().mov(2, DX, 0x30).mov(4, DI, DATA).mov(4, CX, 20).repIns(2).mov(4, BX, AX)
                .hlt();
    }

    @Test
    default void tellTheSame() {
        Consumer<Assembler> code = ExitFormChapter::everything;
        try (Guest calls = guest(GuestMode.LONG64).code(code).build();
                Guest records = guest(GuestMode.LONG64).code(code).build()) {
            calls.recorder().respond((address, size) -> address * 31 + size);
            assertThat(calls.run()).isEqualTo(ExitRecorder.Stop.HALT);

            var exits = new ArrayList<VcpuExit>();
            X86Vcpu vcpu = records.vcpu();
            VcpuExit exit;
            while (!((exit = vcpu.run()) instanceof VcpuExit.Halt)) {
                switch (exit) {
                    case PortRead(int port, int size, int count) -> {
                        for (int i = 0; i < count; i++) {
                            exits.add(new PortRead(port, size, 1));
                        }
                        if (count == 1) {
                            vcpu.answer(port * 31L + size);
                        } else {
                            for (int i = 0; i < count; i++) {
                                vcpu.exitData().set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i,
                                        (short) (port * 31 + size));
                            }
                        }
                    }
                    case MmioRead(long gpa, int size) -> {
                        exits.add(exit);
                        vcpu.answer(gpa * 31 + size);
                    }
                    default -> exits.add(exit);
                }
            }
            assertThat(exits).isEqualTo(calls.exits());
            assertThat(exits).contains(new PortWrite(0x12, 4, 1, 0x1234_5678));
            assertThat(vcpu.registers()).isEqualTo(calls.vcpu().registers());
            assertThat(records.memory().read(DATA, 64)).isEqualTo(calls.memory().read(DATA, 64));
        }
    }

    @Test
    default void mixFreely() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.label("next").in(4, 0x10).mov(4, BX, AX).out(4, 0x11)
                .jmp("next")).build()) {
            for (int i = 0; i < 10; i++) {
                assertThat(guest.vcpu().run()).isEqualTo(new PortRead(0x10, 4, 1));
                guest.vcpu().answer(i);
                assertThat(guest.vcpu().run()).isEqualTo(new PortWrite(0x11, 4, 1, i));
                var counter = new Counter(2);
                counter.vcpu = guest.vcpu();
                assertThat(guest.vcpu().run(counter)).isEqualTo(Outcome.KICKED);
                assertThat(guest.vcpu().registers().rbx()).isEqualTo(0x5A);
            }
        }
    }

    @Test
    default void letAnExceptionOfTheHandlerOut() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(8, AX, -1).in(4, 0x10).mov(4, BX, AX).end())
                .build()) {
            assertThatThrownBy(() -> guest.vcpu().run(new Counter(1) {
                @Override
                public long portRead(int port, int size) {
                    throw new IllegalStateException("a device broke");
                }
            })).isInstanceOf(IllegalStateException.class).hasMessage("a device broke");
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rbx()).as("not answered reads as zeros").isZero();
        }
    }

    @Test
    default void leaveWhenTheHandlerSaysSo() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.hlt().mov(4, AX, 1).hlt().mov(4, AX, 2).hlt()).build()) {
            var patient = new Counter(Integer.MAX_VALUE) {
                int halts;

                @Override
                public boolean halt() {
                    return ++halts < 3;
                }
            };
            assertThat(guest.vcpu().run(patient)).isEqualTo(Outcome.LEFT);
            assertThat(patient.halts).isEqualTo(3);
            assertThat(guest.vcpu().registers().rax()).isEqualTo(2);
        }
    }

    /** Counts exits and kicks its vCPU after some; allocates nothing. */
    class Counter implements VcpuExitHandler {
        private final int limit;
        X86Vcpu vcpu;
        int seen;
        long sum;

        Counter(int limit) {
            this.limit = limit;
        }

        private void count() {
            if (++seen >= limit) {
                vcpu.kick();
            }
        }

        @Override
        public long portRead(int port, int size) {
            count();
            return 0x5A;
        }

        @Override
        public void portWrite(int port, int size, long value) {
            sum += value;
            count();
        }

        @Override
        public long mmioRead(long gpa, int size) {
            count();
            return gpa;
        }

        @Override
        public void mmioWrite(long gpa, int size, long value) {
            sum += value;
            count();
        }

        @Override
        public boolean exit(VcpuExit exit) {
            throw new AssertionError("Unexpected " + exit);
        }
    }

    /** What a run allocates when the compiler has seen enough of it: the least of several. */
    private static long leastBytes(Counter counter) {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 12; round++) {
            counter.seen = 0;
            long before = Allocations.current();
            counter.vcpu.run(counter);
            least = Math.min(least, Allocations.current() - before);
        }
        return least;
    }

    @Test
    @Tag("allocation")
    default void allocateNothingPerCall() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).label("next").out(4, 0x10).in(1, 0x11)
                .store(4, at(BX), AX).load(8, CX, at(BX, 8)).jmp("next")).build()) {
            int exits = 4_000;
            var counter = new Counter(exits);
            counter.vcpu = guest.vcpu();
            long perRun = leastBytes(counter);
            assertThat(counter.seen).isEqualTo(exits);
            // A run may allocate something for itself; the smallest object for each exit would be 16 bytes.
            assertThat(perRun).as("bytes for %d exits", exits).isLessThan(exits);
        }
    }

    @Test
    default void allocateNothingPerString() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.cld().mov(2, DX, 0x70).label("next").mov(4, DI, DATA)
                .mov(4, CX, 64).repIns(4).jump(NE, "next").jmp("next")).build()) {
            int accesses = 64 * 200;
            var counter = new Counter(accesses);
            counter.vcpu = guest.vcpu();
            long perRun = leastBytes(counter);
            assertThat(perRun).as("bytes for 200 strings of 64").isLessThan(8 * 200);
        }
    }
}
