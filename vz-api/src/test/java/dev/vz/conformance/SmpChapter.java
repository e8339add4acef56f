package dev.vz.conformance;

import static dev.vz.conformance.Condition.E;
import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.SI;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.hypervisor.Capability;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Several vCPUs of one machine run at the same time, each by itself, on one memory. */
interface SmpChapter extends Chapter {

    private static void together(int count, java.util.function.IntFunction<Callable<?>> each) throws Exception {
        try (var pool = Executors.newFixedThreadPool(count)) {
            var futures = new ArrayList<Future<?>>();
            for (int id = 0; id < count; id++) {
                futures.add(pool.submit(each.apply(id)));
            }
            for (Future<?> future : futures) {
                future.get(2L * Guest.PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64", "USER64"})
    default void countTogetherUnderLock(GuestMode mode) throws Exception {
        requires(Capability.SMP);
        int vcpus = 4;
        int each = 3_000;
        try (Guest guest = guest(mode).vcpus(vcpus).code(a -> a.mov(4, CX, each).label("next")
                .lockIncrement(4, at(0x700)).dec(4, CX).jump(NE, "next").end()).build()) {
            for (int id = 1; id < vcpus; id++) {
                guest.start(id, GuestLayout.CODE);
            }
            together(vcpus, id -> () -> guest.runToEnd(id));
            assertThat(guest.memory().readInt(0x700)).isEqualTo(vcpus * each);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void takeTurns(GuestMode mode) throws Exception {
        // Each waits for the other's number: it ends only if both make progress.
        requires(Capability.SMP);
        int rounds = 200;
        try (Guest guest = guest(mode).vcpus(2).code(a -> a.label("wait").load(4, AX, at(0x700))
                .alu(Alu.CMP, 4, AX, CX).jump(E, "mine").pause().jmp("wait").label("mine").inc(4, CX)
                .store(4, at(0x700), CX)
                .inc(4, CX).alu(Alu.CMP, 4, CX, BX).jump(Condition.B, "wait").end()).build()) {
            guest.start(1, GuestLayout.CODE);
            for (int id = 0; id < 2; id++) {
                guest.vcpu(id).setRegisters(guest.vcpu(id).registers().withRcx(id).withRbx(2 * rounds));
            }
            together(2, id -> () -> guest.runToEnd(id));
            assertThat(guest.memory().readInt(0x700)).isEqualTo(2 * rounds);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void executeWhatAnotherHasWrittenOnceTheyKnowOfIt(GuestMode mode) throws Exception {
        // Intel SDM volume 3A, section 9.1.3: who has seen the flag and serializes executes the new code. Until then the old
        // code is executed all the time, so that it is fetched anew just before and just after it is written.
        requires(Capability.SMP);
        int rounds = 2_000;
        try (Guest guest = guest(mode).vcpus(2).code(a -> {
            a.mov(BX, "patch").mov(4, CX, 1).label("write").store(4, at(BX, 1), CX).store(4, at(0x700), CX)
                    .label("wait").pause().load(4, AX, at(0x704))
                    .alu(Alu.CMP, 4, AX, CX).jump(NE, "wait").inc(4, CX)
                    .alu(Alu.CMP, 4, CX, rounds + 1).jump(NE, "write").end();
            for (int i = 0; i < 128; i++) {
                a.nop(); // the reader's code has cache lines of its own
            }
            a.label("read").load(4, SI, at(0x700)).cpuid().label("patch").mov(4, AX, 0).load(4, DI, at(0x704))
                    .alu(Alu.CMP, 4, SI, DI).jump(E, "read").alu(Alu.CMP, 4, AX, SI).jump(E, "right")
                    .inc(4, at(0x708)).label("right").store(4, at(0x704), SI).alu(Alu.CMP, 4, SI, rounds)
                    .jump(NE, "read").end();
        }).build()) {
            guest.start(1, guest.address("read"));
            together(2, id -> () -> guest.runToEnd(id));
            assertThat(guest.memory().readInt(0x704)).isEqualTo(rounds);
            assertThat(guest.memory().readInt(0x708)).as("rounds with the code of another").isZero();
        }
    }

    @Test
    default void leaveTheGuestEachForItself() throws Exception {
        requires(Capability.SMP);
        int vcpus = 3;
        int each = 300;
        try (Guest guest = guest(GuestMode.LONG64).vcpus(vcpus)
                .code(a -> a.mov(4, CX, each).label("next").mov(4, AX, BX)
                        .out(4, 0x10).in(4, 0x11).alu(Alu.CMP, 4, AX, BX).jump(NE, "wrong").dec(4, CX).jump(NE, "next")
                        .end()
                        .label("wrong").hlt())
                .build()) {
            for (int id = 0; id < vcpus; id++) {
                guest.start(id, GuestLayout.CODE);
                guest.vcpu(id).setRegisters(guest.vcpu(id).registers().withRbx(1000 + id));
                int number = 1000 + id;
                guest.recorder(id).respond((port, size) -> number);
            }
            together(vcpus, id -> () -> guest.runToEnd(id));
            for (int id = 0; id < vcpus; id++) {
                assertThat(guest.recorder(id).exits()).hasSize(2 * each)
                        .containsOnly(new VcpuExit.PortWrite(0x10, 4, 1, 1000 + id), new VcpuExit.PortRead(0x11, 4, 1));
            }
        }
    }

    @Test
    default void areKickedEachForItself() throws Exception {
        requires(Capability.SMP);
        try (Guest guest = guest(GuestMode.USER64).vcpus(2)
                .code(a -> a.label("spin").inc(4, at(BX)).jmp("spin")).build()) {
            guest.start(1, GuestLayout.CODE);
            for (int id = 0; id < 2; id++) {
                guest.vcpu(id).setRegisters(guest.vcpu(id).registers().withRbx(DATA + 0x100 * id));
            }
            try (var pool = Executors.newFixedThreadPool(2)) {
                Future<Stop> first = pool.submit(() -> guest.run(0));
                Future<Stop> second = pool.submit(() -> guest.run(1));
                while (guest.memory().readIntAcquire(DATA) == 0 || guest.memory().readIntAcquire(DATA + 0x100) == 0) {
                    Thread.onSpinWait();
                }
                guest.vcpu(0).kick();
                assertThat(first.get(Guest.PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(Stop.KICK);
                int seen = guest.memory().readIntAcquire(DATA + 0x100);
                while (guest.memory().readIntAcquire(DATA + 0x100) == seen) {
                    Thread.onSpinWait(); // the other one runs on
                }
                assertThat(second).isNotDone();
                guest.vcpu(1).kick();
                assertThat(second.get(Guest.PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(Stop.KICK);
            }
        }
    }

    @Test
    default void mayBeManyMoreThanTheHostHas() throws Exception {
        requires(Capability.SMP);
        int vcpus = 24;
        try (Guest guest = guest(GuestMode.USER64).vcpus(vcpus).code(a -> a.lockIncrement(4, at(0x700)).end())
                .build()) {
            for (int id = 1; id < vcpus; id++) {
                guest.start(id, GuestLayout.CODE);
            }
            together(vcpus, id -> () -> guest.runToEnd(id));
            assertThat(guest.memory().readInt(0x700)).isEqualTo(vcpus);
        }
    }

    @Test
    default void mayBeRunInTurnByOneThread() {
        requires(Capability.SMP);
        int vcpus = 4;
        try (Guest guest = guest(GuestMode.LONG64).vcpus(vcpus).code(a -> a.mov(4, CX, 10).label("next").out(1, 0x10)
                .lockIncrement(4, at(0x700)).dec(4, CX).jump(NE, "next").end()).build()) {
            for (int id = 1; id < vcpus; id++) {
                guest.start(id, GuestLayout.CODE);
            }
            for (int round = 0; round < 10; round++) {
                for (int id = 0; id < vcpus; id++) {
                    assertThat(guest.vcpu(id).run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
                }
            }
            for (int id = 0; id < vcpus; id++) {
                guest.runToEnd(id);
            }
            assertThat(guest.memory().readInt(0x700)).isEqualTo(10 * vcpus);
        }
    }
}
